"""One exported ONNX file, from image file to class probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seatrial.errors import InputError
from seatrial.onnx_sessions import (
    INPUT_NAME,
    OUTPUT_NAME,
    open_session,
    read_metadata,
    read_model,
)
from seatrial.preprocessing import Pixels, load_pixels, normalise

Floats = npt.NDArray[np.float32]

_TORCH_SUFFIXES = (".pt", ".pt2", ".pth", ".safetensors")
_SIGNIFICANT_DIGITS = 7  # what float32 holds


class Predictor:
    """A model file that answers.

    :param path: an ONNX file that Seatrial exported, with its metadata inside.
    :param threads: of onnxruntime within one call; calls may also come from several threads.
    :raises InputError: no such file, no ONNX file, weights outside it, or no metadata of ours.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if path.suffix.lower() in _TORCH_SUFFIXES:
            raise InputError(
                f"{path}: an ONNX file is required, a {path.suffix} file was given; use the .onnx"
                " file that stands beside it, or make one with 'seatrial export'"
            )
        self.path = path
        self.threads = threads
        model = read_model(path)
        self.sha256 = model.sha256
        """Of the very bytes that answer."""
        self._session = open_session(model, threads)
        try:
            self.metadata = read_metadata(self._session)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def prepare(self, pixels: Pixels) -> Floats:
        """``(N, H, W, C)`` uint8 → the graph's input, ``(N, C, H, W)`` float32."""
        if self.metadata.embedded_preprocessing:
            return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32)
        return normalise(pixels, self.metadata.preprocessing)

    def logits(self, batch: Floats) -> Floats:
        """``(N, C, H, W)`` float32 as :meth:`prepare` gives it → logits ``(N, K)`` float32.

        Where the graph gives probabilities, their logarithms: the same up to a constant a row.
        """
        output = self._run(batch)
        if self.metadata.output == "logits":
            return output
        return np.log(np.maximum(output, np.finfo(np.float32).tiny))

    def probabilities(self, pixels: Pixels) -> Floats:
        """``(N, H, W, C)`` uint8 at the model's size → ``(N, K)`` float32, rows summing to 1."""
        output = self._run(self.prepare(pixels))
        return softmax(output) if self.metadata.output == "logits" else output

    def load(self, source: Path | bytes) -> Pixels:
        """An image file, or its bytes, as ``(H, W, C)`` uint8 at the model's size.

        :raises InputError: the reason alone, without the file's name.
        """
        if isinstance(source, Path) and source.exists() and not source.is_file():
            raise InputError("not a file")  # opening a named pipe would wait for ever
        return load_pixels(source, self.metadata.preprocessing)

    def predict_file(self, path: Path) -> dict[str, object]:
        """The answer for one image file: ``input``, ``class``, ``class_index``, ``confidence``
        and ``probabilities`` by class. Images are answered one at a time, so that an answer
        does not depend on the images around it.

        :raises InputError: the image is unreadable, or the model's output not finite; the reason
            alone, without the file's name.
        """
        row = self.probabilities(self.load(path)[None])[0]
        if not np.isfinite(row).all():
            raise InputError("the model gave a value that is not finite; its weights may be bad")
        shares = [float(f"{value:.{_SIGNIFICANT_DIGITS}g}") for value in row]
        index = int(np.argmax(row))
        return {
            "input": str(path),
            "class": self.metadata.classes[index],
            "class_index": index,
            "confidence": shares[index],
            "probabilities": dict(zip(self.metadata.classes, shares, strict=True)),
        }

    def predict_files(self, paths: Sequence[Path]) -> list[dict[str, object]]:
        """The answer of :meth:`predict_file` for each image file, in order.

        :raises InputError: naming the first file that cannot be answered; to have the others
            answered nevertheless, use :func:`seatrial.serving.predictions.predict`.
        """
        return [self._named(path) for path in paths]

    def _named(self, path: Path) -> dict[str, object]:
        try:
            return self.predict_file(path)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def _run(self, batch: Floats) -> Floats:
        try:
            output: Floats = np.asarray(self._session.run([OUTPUT_NAME], {INPUT_NAME: batch})[0])
        except Exception as error:  # onnxruntime raises a class of its own for each status
            reason = " ".join(str(error).split())[:300]
            raise InputError(f"the model cannot answer: {reason}; export it again") from None
        return output


def softmax(logits: Floats) -> Floats:
    """``(N, K)`` → ``(N, K)`` float32, computed in float64; a row with NaN or +∞ becomes NaN."""
    shifted = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        powers = np.exp(shifted - shifted.max(axis=1, keepdims=True))
        shares: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
