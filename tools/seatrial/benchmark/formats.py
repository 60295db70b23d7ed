"""Every exported file measured in fresh processes, the formats in turn, round after round."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from pydantic import ValidationError

from seatrial import files
from seatrial.artifacts import take
from seatrial.benchmark.child import Report, Task
from seatrial.config.schema import Benchmark
from seatrial.errors import InputError
from seatrial.evidence.records import (
    Artifact,
    BenchmarkRecord,
    ExportRecord,
    Format,
    FormatMeasurement,
    Latency,
    ModelMetadata,
)
from seatrial.isolation import ChildFailure, run_child
from seatrial.machine import processor_name, usable_cores
from seatrial.preprocessing import Pixels, normalise

Emit = Callable[[dict[str, object]], None]
Outcome = Report | str
"""What a process measured, or in one line why it could not."""

TORCH_FORMATS = ("torchscript", "torch_export")
"""Measured in one process each: starting one takes seconds, and says the same each time."""

_CHILD = "seatrial.benchmark.child"
_CHILD_SECONDS = 600
_REPORTS = "processes.json"


def measure(
    export_record: ExportRecord,
    export_dir: Path,
    *,
    sample_pixels: Pixels,
    settings: Benchmark,
    output: Path,
    emit: Emit,
) -> BenchmarkRecord:
    """Measure every exported file of ``export_record`` that lies in ``export_dir``.

    A round starts one process for each format, one after the other; there are as many rounds as
    ``settings.processes``, so that a machine growing slower does so for all formats alike. A
    process that fails is that format's ``error``. Every timed call is kept in
    ``output/processes.json``.

    :param sample_pixels: ``(M, H, W, C)`` uint8 images at the model's size, used in turn.
    :raises InputError: there is no image to measure with.
    """
    if len(sample_pixels) == 0:
        raise InputError("benchmark: at least one image required, none given")
    started = time.perf_counter()
    load_average = os.getloadavg()[0]
    artifacts = [part for part in export_record.artifacts if part.status == "exported"]
    with tempfile.TemporaryDirectory(prefix="seatrial-benchmark-") as scratch:
        plan = _Plan(export_dir, Path(scratch), sample_pixels, settings)
        outcomes = _rounds(artifacts, plan, emit)
    reports = {
        name: [outcome for outcome in of_format if isinstance(outcome, Report)]
        for name, of_format in outcomes.items()
    }
    kept = {name: [report.model_dump() for report in rows] for name, rows in reports.items()}
    files.write_json(output / _REPORTS, kept)
    every_report = [report for rows in reports.values() for report in rows]
    return BenchmarkRecord(
        processor=processor_name(),
        cores=usable_cores(),
        threads=settings.threads,
        load_average=load_average,
        gpu=next((report.gpu for report in every_report if report.gpu), None),
        versions=_versions(every_report),
        formats=_summaries(artifacts, outcomes),
        processes_per_format=settings.processes,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class _Plan:
    """What every process is measured with."""

    export_dir: Path
    scratch: Path
    sample_pixels: Pixels
    settings: Benchmark
    taken: set[str] = field(default_factory=set)
    """Files that were checked and copied into :attr:`scratch`."""


def _rounds(artifacts: Sequence[Artifact], plan: _Plan, emit: Emit) -> dict[Format, list[Outcome]]:
    outcomes: dict[Format, list[Outcome]] = {artifact.format: [] for artifact in artifacts}
    for turn in range(plan.settings.processes):
        for artifact in artifacts:
            so_far = outcomes[artifact.format]
            failed = any(isinstance(outcome, str) for outcome in so_far)
            if failed or (turn > 0 and artifact.format in TORCH_FORMATS):
                continue
            so_far.append(_measure_once(artifact, plan))
            emit(
                {
                    "event": "measure",
                    "format": artifact.format,
                    "process": turn + 1,
                    "processes": plan.settings.processes,
                }
            )
    return outcomes


def _measure_once(artifact: Artifact, plan: _Plan) -> Outcome:
    settings = plan.settings
    try:
        model = _own_copy(artifact, plan)
        inputs = _inputs(artifact.format, plan.export_dir / model.name, plan)
    except InputError as error:
        return str(error)
    task = Task(
        format=artifact.format,
        model=model,
        sha256=artifact.sha256 or "",
        inputs=inputs,
        batch_sizes=settings.batch_sizes,
        repetitions=settings.repetitions,
        max_seconds=settings.max_seconds,
        threads=settings.threads,
    )
    try:
        answer = run_child(
            _CHILD,
            task.model_dump(mode="json"),
            Path(tempfile.mkdtemp(dir=plan.scratch)),  # no answer of an earlier process in it
            threads=settings.threads,
            timeout_s=_CHILD_SECONDS,
        )
    except ChildFailure as failure:
        return str(failure).replace(f"{plan.scratch}/", "")
    return Report.model_validate(answer)


def _own_copy(artifact: Artifact, plan: _Plan) -> Path:
    """A copy of the artifact's file for its processes alone, checked and made once."""
    path = plan.scratch / (artifact.path or "")
    if artifact.path is None or artifact.sha256 is None:
        raise InputError(f"{artifact.format}: no exported file is recorded; export again")
    if artifact.path not in plan.taken:
        path = take(artifact.path, artifact.sha256, plan.export_dir, plan.scratch)
        plan.taken.add(artifact.path)
    return path


def _inputs(name: Format, model: Path, plan: _Plan) -> Path:
    """The sample as the model takes it, in a file for its processes; written once."""
    path = plan.scratch / f"{name}.npy"
    if path.exists():
        return path
    sidecar = model.with_name(f"{model.name}.json")
    try:
        metadata = ModelMetadata.model_validate(files.read_json(sidecar))
    except ValidationError as error:
        raise InputError(
            f"{sidecar}: not a model's metadata: {error.error_count()} faults"
        ) from None
    pixels = plan.sample_pixels[: max(plan.settings.batch_sizes)]
    if metadata.embedded_preprocessing:
        batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32)
    else:
        batch = normalise(pixels, metadata.preprocessing)
    with files.disk_errors(path):
        np.save(path, batch, allow_pickle=False)
    return path


def _summaries(
    artifacts: Sequence[Artifact], outcomes: Mapping[Format, Sequence[Outcome]]
) -> tuple[FormatMeasurement, ...]:
    measured = [_summarise(artifact, outcomes[artifact.format]) for artifact in artifacts]
    base = next((_median_at_1(m) for m in measured if m.format == "onnx"), None)
    return tuple(
        m.model_copy(update={"speedup": base / own})
        if base is not None and (own := _median_at_1(m)) is not None
        else m
        for m in measured
    )


def _summarise(artifact: Artifact, outcomes: Sequence[Outcome]) -> FormatMeasurement:
    """One format over its processes. A process that failed discredits those that did not."""
    size_mb = None if artifact.size_bytes is None else artifact.size_bytes / 1e6
    error = next((outcome for outcome in outcomes if isinstance(outcome, str)), None)
    if error is not None:
        return FormatMeasurement(
            format=artifact.format,
            load_ms=None,
            latencies=(),
            peak_memory_mb=None,
            gpu_memory_mb=None,
            size_mb=size_mb,
            speedup=None,
            error=error,
            processes=len(outcomes),
        )
    reports = [outcome for outcome in outcomes if isinstance(outcome, Report)]
    gpu_memory = [r.gpu_memory_mb for r in reports if r.gpu_memory_mb is not None]
    return FormatMeasurement(
        format=artifact.format,
        load_ms=median(report.load_ms for report in reports),
        latencies=tuple(_latency(size, reports) for size in reports[0].latencies_ms),
        peak_memory_mb=max(report.peak_memory_mb for report in reports),
        gpu_memory_mb=max(gpu_memory, default=None),
        size_mb=size_mb,
        speedup=None,
        processes=len(reports),
        import_ms=median(report.import_ms for report in reports),
    )


def _latency(size: int, reports: Sequence[Report]) -> Latency:
    """The calls of all processes at one batch size, taken together."""
    taken = np.concatenate([report.latencies_ms[size] for report in reports])
    p50, p95, p99 = np.percentile(taken, (50, 95, 99))
    return Latency(
        batch=size,
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        repetitions=len(taken),
        images_per_second=float(size * 1e3 / taken.mean()),
    )


def _median_at_1(measurement: FormatMeasurement) -> float | None:
    return next((part.p50_ms for part in measurement.latencies if part.batch == 1), None)


def _versions(reports: Sequence[Report]) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for report in reports:
        versions |= report.versions
    return dict(sorted(versions.items()))
