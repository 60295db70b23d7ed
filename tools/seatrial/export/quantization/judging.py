"""What a quantized file is worth: measured on validation images against fp32."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from seatrial.evidence.records import Preprocessing, QuantizationTrial
from seatrial.export.quantization.latency import median_latencies_ms
from seatrial.export.quantization.settings import Setting
from seatrial.machine import usable_cores
from seatrial.onnx_sessions import INPUT_NAME, OUTPUT_NAME, open_session
from seatrial.preprocessing import Pixels, normalise

Floats = npt.NDArray[np.float32]
_BATCH = 16
_MOST_AT_ONCE = 4
"""Batches in memory together, whatever the number of cores."""


@dataclass(frozen=True)
class Judge:
    """The fp32 session and the images it is compared on."""

    session: onnxruntime.InferenceSession
    pixels: Pixels
    labels: npt.NDArray[np.int64]
    spec: Preprocessing
    threads: int
    reference: Floats
    """fp32 logits ``(N, K)``."""

    @classmethod
    def of(
        cls,
        model: Path,
        pixels: Pixels,
        labels: npt.NDArray[np.int64],
        spec: Preprocessing,
        threads: int,
    ) -> Judge:
        """A judge that has run ``model``, the fp32 graph, on all images."""
        session = open_session(model, threads)
        return cls(session, pixels, labels, spec, threads, logits(session, pixels, spec, threads))

    @property
    def accuracy(self) -> float:
        """Of fp32."""
        return float((self.reference.argmax(axis=1) == self.labels).mean())

    def measure(self, path: Path, setting: Setting, size_bytes: int) -> QuantizationTrial:
        """Accuracy, flips and latency of the quantized file at ``path``."""
        session = open_session(path, self.threads)
        answer = logits(session, self.pixels, self.spec, self.threads)
        if not np.isfinite(answer).all():
            return trial(setting, error="its output is not finite")
        decided, before = answer.argmax(axis=1), self.reference.argmax(axis=1)
        lost = int((before == self.labels).sum()) - int((decided == self.labels).sum())
        image = normalise(np.asarray(self.pixels[:1]), self.spec)
        fp32_ms, own_ms = median_latencies_ms([self.session, session], image)
        return trial(
            setting,
            val_acc=float((decided == self.labels).mean()),
            val_acc_drop=lost / len(self.labels),
            flips=int((decided != before).sum()),
            latency_ms=own_ms,
            speedup=fp32_ms / own_ms,
            size_bytes=size_bytes,
        )


def logits(
    session: onnxruntime.InferenceSession, pixels: Pixels, spec: Preprocessing, threads: int
) -> Floats:
    """``(N, H, W, C)`` uint8 → logits ``(N, K)``, as many batches at once as the cores take.

    :param threads: what ``session`` uses for one batch.
    """

    def run(start: int) -> Floats:
        batch = normalise(np.asarray(pixels[start : start + _BATCH]), spec)
        output: Floats = session.run([OUTPUT_NAME], {INPUT_NAME: batch})[0]
        return output

    at_once = min(max(1, usable_cores() // threads), _MOST_AT_ONCE)
    with ThreadPoolExecutor(at_once) as pool:
        return np.concatenate(list(pool.map(run, range(0, len(pixels), _BATCH))))


def trial(setting: Setting, **measured: object) -> QuantizationTrial:
    """A setting's trial; what was not measured is None."""
    unknown = dict.fromkeys(
        ("val_acc", "val_acc_drop", "flips", "latency_ms", "speedup", "size_bytes")
    )
    return QuantizationTrial.model_validate({**asdict(setting), **unknown, **measured})
