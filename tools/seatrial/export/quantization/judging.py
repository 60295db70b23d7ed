"""What a quantized file is worth: measured on validation images against fp32."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from seatrial.evidence.records import Preprocessing, QuantizationTrial
from seatrial.export.quantization.latency import median_latencies_ms
from seatrial.export.quantization.settings import Setting
from seatrial.onnx_sessions import INPUT_NAME, OUTPUT_NAME, open_session
from seatrial.preprocessing import Pixels, normalise

Floats = npt.NDArray[np.float32]
_BATCH = 32


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
        return cls(session, pixels, labels, spec, threads, logits(session, pixels, spec))

    @property
    def accuracy(self) -> float:
        """Of fp32."""
        return float((self.reference.argmax(axis=1) == self.labels).mean())

    def measure(self, path: Path, setting: Setting, size_bytes: int) -> QuantizationTrial:
        """Accuracy, flips and latency of the quantized file at ``path``."""
        session = open_session(path, self.threads)
        answer = logits(session, self.pixels, self.spec)
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


def logits(session: onnxruntime.InferenceSession, pixels: Pixels, spec: Preprocessing) -> Floats:
    """``(N, H, W, C)`` uint8 → logits ``(N, K)``."""
    parts = [
        session.run(
            [OUTPUT_NAME],
            {INPUT_NAME: normalise(np.asarray(pixels[start : start + _BATCH]), spec)},
        )[0]
        for start in range(0, len(pixels), _BATCH)
    ]
    return np.concatenate(parts)


def trial(setting: Setting, **measured: object) -> QuantizationTrial:
    """A setting's trial; what was not measured is None."""
    unknown = dict.fromkeys(
        ("val_acc", "val_acc_drop", "flips", "latency_ms", "speedup", "size_bytes")
    )
    return QuantizationTrial.model_validate({**asdict(setting), **unknown, **measured})
