"""The export step: files to deploy, and the search for an int8 setting."""

from __future__ import annotations

from typing import Literal

from seatrial.evidence.records.base import Record

Format = Literal["onnx", "onnx_fp16", "onnx_int8", "torchscript", "torch_export"]


class Artifact(Record):
    """One exported format. ``path`` is None where it failed or was not good enough."""

    format: Format
    path: str | None
    size_bytes: int | None
    sha256: str | None
    opset: int | None = None
    status: Literal["exported", "failed", "rejected"]
    reason: str | None = None
    seconds: float


class QuantizationTrial(Record):
    """One int8 setting tried, measured on validation images."""

    activation: Literal["uint8", "int8"]
    per_channel: bool
    calibration: Literal["minmax", "percentile"]
    operators: Literal["all", "matrix"]
    nodes_in_float: tuple[str, ...] = ()
    val_acc: float | None
    val_acc_drop: float | None
    """Accuracy of fp32 minus int8 on the same images, as a fraction."""
    flips: int | None
    latency_ms: float | None
    """Median at batch 1, this trial's setting, measured in turn with fp32."""
    speedup: float | None
    """fp32 median latency divided by this one's."""
    size_bytes: int | None
    error: str | None = None
    skipped: str | None = None
    """Why the setting was not tried; None where it was."""
    chosen: bool = False


class ExportRecord(Record):
    """Every format asked for, and the search for an int8 setting."""

    input_shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: tuple[str, ...]
    embedded_preprocessing: bool
    artifacts: tuple[Artifact, ...]
    trials: tuple[QuantizationTrial, ...]
    n_calibration: int
    n_search: int
    fp32_val_acc: float | None
    quantization_summary: str
    seconds: float
