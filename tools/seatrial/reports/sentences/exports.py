"""Sentences on the exported files: which there are, which decide otherwise, which are slow."""

from __future__ import annotations

from seatrial.evidence.records import (
    BenchmarkRecord,
    ExportRecord,
    Format,
    FormatMeasurement,
    FormatVerification,
    VerificationRecord,
)
from seatrial.reports import formats as f

NAMES: dict[Format, str] = {
    "onnx": "ONNX fp32",
    "onnx_fp16": "ONNX fp16",
    "onnx_int8": "ONNX int8",
    "torchscript": "TorchScript",
    "torch_export": "torch.export",
}


def artifacts(export: ExportRecord) -> list[str]:
    """Formats that failed or were rejected, with the reason, and the int8 search."""
    lines = [
        f"{NAMES[a.format]} failed to export: {a.reason or 'no reason recorded'}."
        for a in export.artifacts
        if a.status == "failed"
    ]
    lines += [
        f"{NAMES[a.format]} is not published: {a.reason or 'no reason recorded'}."
        for a in export.artifacts
        if a.status == "rejected"
    ]
    asked = {a.format for a in export.artifacts}
    if "onnx_int8" in asked or export.trials:
        lines += [
            f"int8 search: {export.quantization_summary.rstrip('.')}.",
            f"int8 was calibrated on {f.plural(export.n_calibration, 'training image')} and judged"
            f" on {f.plural(export.n_search, 'validation image')}.",
        ]
    else:
        lines.append("No int8 file was asked for.")
    if all(a.status != "exported" for a in export.artifacts):
        lines.append("No format was exported: this model cannot be deployed from this release.")
    return lines


def verification(record: VerificationRecord) -> list[str]:
    """One sentence a format: agreement with the model on the whole test set."""
    return [_verified(v) for v in record.formats]


def _verified(v: FormatVerification) -> str:
    name = NAMES[v.format]
    if not v.passed:
        return f"{name} failed verification: {v.reason or 'no reason recorded'}."
    if not v.flips:
        return f"{name} decides as the model does on all {f.count(v.n)} test images."
    ties = len(v.flips) - (v.flips_beyond_ties or 0)
    tie_note = f", {f.count(ties)} of them ties" if ties else ""
    return (
        f"{name} decides otherwise on {f.count(len(v.flips))} of {f.plural(v.n, 'test image')}"
        f"{tie_note}; accuracy changes by"
        f" {f.points(None if v.accuracy_difference is None else -v.accuracy_difference)}"
        f" (exact McNemar {f.p_value(v.mcnemar_p)})."
    )


def speed(record: BenchmarkRecord) -> list[str]:
    """What could not be measured, and how each reduced format compares with fp32."""
    lines = [
        f"{NAMES[m.format]} could not be measured: {m.error}." for m in record.formats if m.error
    ]
    for m in record.formats:
        if m.format in ("onnx_int8", "onnx_fp16") and m.speedup is not None:
            lines.append(_compared(m, record))
    if record.gpu is None:
        lines.append("No GPU was present: GPU latency and memory are not measured.")
    return lines


def busy(record: BenchmarkRecord) -> list[str]:
    """Whether other work disturbed the measurement."""
    if record.load_average <= record.cores:
        return []
    return [
        f"The machine was busy: load average {f.decimal(record.load_average, 2)} on"
        f" {f.plural(record.cores, 'core')}. p95, p99 and throughput are worse than on an idle one;"
        " measure again before relying on them."
    ]


def _compared(m: FormatMeasurement, record: BenchmarkRecord) -> str:
    name, speedup = NAMES[m.format], m.speedup or 0.0
    where = "on this machine at batch 1"
    size = _size_ratio(m, record)
    if speedup < 1:
        return f"{name} is slower than fp32 {where} ({f.ratio(speedup)} its speed){size}."
    return f"{name} runs at {f.ratio(speedup)} the speed of fp32 {where}{size}."


def _size_ratio(m: FormatMeasurement, record: BenchmarkRecord) -> str:
    full = next((o.size_mb for o in record.formats if o.format == "onnx"), None)
    if not full or not m.size_mb:
        return ""
    return f", and is {f.ratio(full / m.size_mb)} smaller" if full > m.size_mb else ""
