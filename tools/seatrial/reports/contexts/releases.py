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
from seatrial.reports import formats as f
from seatrial.reports.render import Table
from seatrial.reports.sentences.exports import NAMES

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


def exports_table(facts: Facts) -> Table:
    """One format a row: file, size, verification, differences."""
    rows = []
    for a in () if facts.export is None else facts.export.artifacts:
        v = verification_of(facts, a.format)
        rows.append(
            [
                NAMES[a.format],
                published_path(a) if a.status == "exported" and a.path else f"none: {a.status}",
                f.size(a.size_bytes),
                "not verified" if v is None else "passed" if v.passed else "failed",
                f.NOT_MEASURED if v is None else f.estimate(v.accuracy, True),
                f.NOT_MEASURED if v is None else f.count(len(v.flips)),
                f.significant(None if v is None else v.max_logit_difference),
            ]
        )
    return {
        "header": [
            "Format",
            "File",
            "Size",
            "Verification",
            "Test accuracy",
            "Decisions that flip",
            "Largest logit difference",
        ],
        "align": "llrllrr",
        "rows": rows,
    }


def measurements_table(facts: Facts) -> Table:
    """One format and batch size a row: latency, throughput, memory, size."""
    rows = []
    for m in () if facts.benchmark is None else facts.benchmark.formats:
        for latency in m.latencies:
            rows.append(
                [
                    NAMES[m.format],
                    str(latency.batch),
                    f.milliseconds(latency.p50_ms),
                    f.milliseconds(latency.p95_ms),
                    f.milliseconds(latency.p99_ms),
                    f.rate(latency.images_per_second),
                    f.milliseconds(m.load_ms),
                    f.megabytes(m.peak_memory_mb),
                    f.megabytes(m.gpu_memory_mb),
                    f.megabytes(m.size_mb),
                ]
            )
    return {
        "header": [
            "Format",
            "Batch",
            "p50",
            "p95",
            "p99",
            "Throughput",
            "Load time",
            "Peak memory",
            "GPU memory",
            "File",
        ],
        "align": "lrrrrrrrrr",
        "rows": rows,
    }


def measuring_conditions(facts: Facts) -> list[str]:
    """Machine, threads, load, versions, repetitions of the measurement."""
    record = facts.benchmark
    if record is None:
        return ["Not measured: the benchmark step has not finished in this run."]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))
    repetitions = {latency.repetitions for m in record.formats for latency in m.latencies}
    processes = f.plural(record.processes_per_format, "fresh process", "fresh processes")
    calls = " or ".join(f.count(n) for n in sorted(repetitions)) or "no"
    return [
        f"Measured on {record.processor}, {f.plural(record.cores, 'core')}, with"
        f" {f.plural(record.threads, 'thread')}, load average {f.decimal(record.load_average, 2)}"
        f" beforehand, GPU: {record.gpu or 'none'}.",
        f"Versions: {versions or f.NOT_MEASURED}.",
        f"{calls} timed calls a row, over up to {processes} a format, formats in"
        " turn; times are of the model's call alone, without decoding.",
        "Times belong to this machine; measure again on the one that will serve.",
    ]
