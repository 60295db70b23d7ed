"""Where a release's files stand once published, and which of them a reader should take."""

from __future__ import annotations

from pathlib import PurePosixPath

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import (
    Artifact,
    Format,
    FormatMeasurement,
    FormatVerification,
    Latency,
)

SAMPLE = "models/sample.png"
_ONNX: tuple[Format, ...] = ("onnx", "onnx_fp16", "onnx_int8")


def published_path(artifact: Artifact) -> str:
    """``models/<file>``; only for an artifact that was exported."""
    return f"models/{PurePosixPath(artifact.path or '').name}"


def published(facts: Facts) -> list[Artifact]:
    """The artifacts that have a file, in the order of the export."""
    artifacts = () if facts.export is None else facts.export.artifacts
    return [a for a in artifacts if a.status == "exported" and a.path]


def verification_of(facts: Facts, format_: Format) -> FormatVerification | None:
    """The verification of a format, where it took place."""
    found = () if facts.verify is None else facts.verify.formats
    return next((v for v in found if v.format == format_), None)


def measurement_of(facts: Facts, format_: Format) -> FormatMeasurement | None:
    """The measurement of a format, where it took place."""
    found = () if facts.benchmark is None else facts.benchmark.formats
    return next((m for m in found if m.format == format_), None)


def latency_at(measurement: FormatMeasurement | None, batch: int) -> Latency | None:
    """The latencies of a measurement at a batch size."""
    found = () if measurement is None else measurement.latencies
    return next((latency for latency in found if latency.batch == batch), None)


def refused(facts: Facts, format_: Format) -> bool:
    """Whether verification found the format wanting; one not verified is not refused."""
    found = verification_of(facts, format_)
    return found is not None and not found.passed


def usable(facts: Facts, formats: tuple[Format, ...]) -> list[Artifact]:
    """Published files of the given formats that verification did not refuse, in that order."""
    by_format = {a.format: a for a in published(facts)}
    return [by_format[x] for x in formats if x in by_format and not refused(facts, x)]


def primary_onnx(facts: Facts) -> Artifact | None:
    """The ONNX file that the guide takes: fp32 if there is one."""
    found = usable(facts, _ONNX)
    return found[0] if found else None
