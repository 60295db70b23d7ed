"""Items on the exported files: valid, verified, tried from file to answer, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import (
    Artifact,
    ExportRecord,
    FormatMeasurement,
    FormatVerification,
    ModelMetadata,
)
from seatrial.gates.checks.case import Case
from seatrial.gates.checks.numbers import bound_of, keeps, shown
from seatrial.gates.checks.test import evaluated
from seatrial.gates.evidence_files import Evidence
from seatrial.gates.onnx_files import onnx_problem
from seatrial.gates.schema import Unit
from seatrial.gates.verdicts import Finding, NotChecked, conclude, number_of, some

MODEL_SUFFIXES = (".onnx", ".pt", ".pt2")
EXACT_FORMATS = frozenset({"onnx", "torchscript", "torch_export"})
"""Formats in the model's own precision: they may not decide otherwise, ties aside."""
BATCH_SIZES = frozenset({"1", "2", "7", "32"})
DEPLOYMENT_FORMAT = "onnx"
"""Budgets hold for fp32 ONNX, the file that ``seatrial predict`` and the guide use."""


def exported(facts: Facts) -> ExportRecord:
    """The record of the export.

    :raises NotChecked: it has not run.
    """
    if facts.export is None:
        raise NotChecked("the export step has not run")
    return facts.export


def published(record: ExportRecord) -> list[Artifact]:
    """The artifacts that are released."""
    return [artifact for artifact in record.artifacts if artifact.status == "exported"]


def export_valid(case: Case) -> Finding:
    """There is a deployment format, and every published file is whole and says what it is."""
    record = exported(case.facts)
    artifacts = published(record)
    problems = []
    least = bound_of(case.facts.config, case.item) or 1
    if len(artifacts) < least:
        failed = [f"{a.format}: {a.reason or a.status}" for a in record.artifacts]
        problems.append(f"too little was exported: {some(failed) or 'no format was asked for'}")
    for artifact in artifacts:
        problems += [
            f"{artifact.format}: {p}" for p in _file_problems(artifact, case.facts, case.evidence)
        ]
    known = {artifact.path for artifact in artifacts}
    listed = [
        path for suffix in MODEL_SUFFIXES for path in case.evidence.matching("export", f"*{suffix}")
    ]
    unknown = [path for path in listed if path not in known]
    if unknown:
        problems.append(f"no export record speaks for {some(unknown)}")
    left_out = [
        f"{a.format} ({a.reason or a.status})" for a in record.artifacts if a not in artifacts
    ]
    names = ", ".join(artifact.format for artifact in artifacts)
    return conclude(
        problems,
        f"valid: {names}; not published: {some(left_out)}" if left_out else f"valid: {names}",
        measured=f"{len(artifacts)} of {len(record.artifacts)} formats",
        bound=f"{least:g} format at least",
    )


def _file_problems(artifact: Artifact, facts: Facts, evidence: Evidence) -> list[str]:
    if artifact.path is None:
        return ["said to be exported, and no file is named"]
    digest = evidence.digest("export", artifact.path)
    if digest is None:
        return [f"{artifact.path} is not among the files of the export"]
    if digest != artifact.sha256:
        return [f"{artifact.path} is not the file that was recorded"]
    sidecar = f"{artifact.path}.json"
    if evidence.digest("export", sidecar) is None:
        return [f"{sidecar} is missing"]
    try:
        metadata = ModelMetadata.model_validate_json(evidence.place("export", sidecar).read_bytes())
    except (ValidationError, OSError):
        return [f"{sidecar} does not describe a model"]
    problems = _disagreements(metadata, artifact, facts)
    if artifact.path.endswith(".onnx"):
        problem = onnx_problem(evidence.place("export", artifact.path), metadata)
        problems += [problem] if problem else []
    return problems


def _disagreements(metadata: ModelMetadata, artifact: Artifact, facts: Facts) -> list[str]:
    result = evaluated(facts)
    problems = []
    if metadata.format != artifact.format:
        problems.append(f"its description says {metadata.format}")
    if metadata.classes != tuple(c.name for c in result.classes):
        problems.append("its classes are not the evaluated ones")
    if metadata.checkpoint_sha256 != result.checkpoint_sha256:
        problems.append("it was exported from other weights than were evaluated")
    if facts.data is not None and metadata.preprocessing != facts.data.preprocessing:
        problems.append("its preprocessing is not that of training")
    return problems


def export_verified(case: Case) -> Finding:
    """Every published format was verified on the whole test set, and none that was asked for
    failed to be exported."""
    record, result = exported(case.facts), evaluated(case.facts)
    if case.facts.verify is None:
        raise NotChecked("the verify step has not run")
    verified: dict[str, FormatVerification] = {v.format: v for v in case.facts.verify.formats}
    problems = _failures(record.artifacts)
    artifacts = published(record)
    if not artifacts:
        problems.append("there is no exported file to verify")
    for artifact in artifacts:
        if artifact.format not in verified:
            problems.append(f"{artifact.format}: not verified")
    bound = bound_of(case.facts.config, case.item) or 0.0
    failed = {artifact.format for artifact in record.artifacts if artifact.status == "failed"}
    for entry in case.facts.verify.formats:
        if entry.format in failed:
            continue
        problems += [
            f"{entry.format}: {p}" for p in _verification_problems(entry, result.n_test, bound)
        ]
    drops = [
        (v.accuracy_difference, v.format)
        for v in case.facts.verify.formats
        if v.accuracy_difference is not None
    ]
    worst = f"{shown(max(drops)[0], 'points')} ({max(drops)[1]})" if drops else "none"
    flips = ", ".join(f"{v.format} {len(v.flips)}" for v in case.facts.verify.formats)
    return conclude(
        problems,
        f"{number_of(len(artifacts), 'format')} on {number_of(result.n_test, 'image')};"
        f" flips: {flips}",
        measured=f"largest loss of accuracy {worst}",
        bound=f"{shown(bound, 'points')} at most; fp32 without flips beyond ties",
    )


def _failures(artifacts: tuple[Artifact, ...]) -> list[str]:
    return [
        f"{a.format}: asked for, and could not be exported: {a.reason or 'no reason is given'}"
        for a in artifacts
        if a.status == "failed"
    ]


def _verification_problems(entry: FormatVerification, n_test: int, bound: float) -> list[str]:
    if not entry.passed:
        return [entry.reason or "not verified, and no reason is given"]
    problems = []
    if entry.n != n_test:
        problems.append(f"verified on {entry.n} of {n_test} test images")
    if entry.accuracy_difference is None:
        problems.append("its accuracy was not measured")
    elif not keeps(entry.accuracy_difference, "at most", bound):
        problems.append(f"it loses {shown(entry.accuracy_difference, 'points', bound)} of accuracy")
    if not keeps(entry.accuracy_bound, "at most", bound):
        problems.append(f"verified against a wider bound, {shown(entry.accuracy_bound, 'points')}")
    if entry.format in EXACT_FORMATS and entry.flips_beyond_ties != 0:
        problems.append(f"{entry.flips_beyond_ties or 'unknown'} decisions flip beyond ties")
    if missing := BATCH_SIZES - set(entry.batch_differences):
        problems.append(f"not tried with batches of {', '.join(sorted(missing, key=int))}")
    return problems


def inference_tried(case: Case) -> Finding:
    """In every published format golden images went from file to the answer that training gives."""
    artifacts = published(exported(case.facts))
    if case.facts.verify is None:
        raise NotChecked("the verify step has not run")
    tried: dict[str, FormatVerification] = {v.format: v for v in case.facts.verify.formats}
    problems, counts = [], []
    for artifact in artifacts:
        entry = tried.get(artifact.format)
        if entry is None or entry.golden_agree is None or entry.golden_n < 1:
            problems.append(f"{artifact.format}: no image was tried from file to answer")
            continue
        counts.append(entry.golden_agree)
        if entry.golden_agree != entry.golden_n:
            wrong = entry.golden_n - entry.golden_agree
            problems.append(
                f"{artifact.format}: {wrong} of {entry.golden_n} images get another answer"
            )
    if not artifacts:
        problems.append("there is no exported file to try")
    return conclude(
        problems,
        f"golden images agree in {number_of(len(artifacts), 'format')}",
        measured=f"{min(counts, default=0)} images agree in the weakest format",
        bound="all",
    )


@dataclass(frozen=True)
class Budget:
    """A number that a deployment may not exceed, and where it is declared."""

    name: str
    target: str
    unit: Unit


BUDGETS = (
    Budget("latency p95 at batch 1", "max_latency_p95_ms", "ms"),
    Budget("peak memory", "max_memory_mb", "MB"),
    Budget("size", "max_size_mb", "MB"),
)


def measured_within_budget(case: Case) -> Finding:
    """Latency, memory and size of every published format are measured; fp32 ONNX keeps every
    budget that is declared."""
    artifacts = published(exported(case.facts))
    if case.facts.benchmark is None:
        raise NotChecked("the benchmark step has not run")
    by_format: dict[str, FormatMeasurement] = {m.format: m for m in case.facts.benchmark.formats}
    problems = [] if artifacts else ["there is no exported file to measure"]
    for artifact in artifacts:
        if why := _unmeasured(by_format.get(artifact.format)):
            problems.append(f"{artifact.format}: {why}")
    figures = _figures(by_format.get(DEPLOYMENT_FORMAT))
    targets: Mapping[str, float | None] = case.facts.config.targets.model_dump()
    declared, undeclared = [], []
    for budget in BUDGETS:
        limit, value = targets[budget.target], figures.get(budget.target)
        if limit is None:
            undeclared.append(budget.name)
            continue
        declared.append(f"{budget.name} at most {shown(limit, budget.unit)}")
        if value is None:
            problems.append(f"{budget.name} of fp32 ONNX is not measured")
        elif not keeps(value, "at most", limit):
            text = shown(value, budget.unit, limit)
            problems.append(
                f"{budget.name} of fp32 ONNX is {text}, {shown(limit, budget.unit)} allowed"
            )
    values = [
        f"{b.name} {shown(figures[b.target], b.unit)}" for b in BUDGETS if b.target in figures
    ]
    note = f"; no budget declared for {', '.join(undeclared)}" if undeclared else ""
    return conclude(
        problems,
        f"{number_of(len(artifacts), 'format')} measured{note}",
        measured=f"fp32 ONNX: {', '.join(values)}" if values else None,
        bound=", ".join(declared) or "not declared (targets)",
    )


def _unmeasured(entry: FormatMeasurement | None) -> str | None:
    if entry is None:
        return "not measured"
    if entry.error is not None:
        return entry.error
    missing = [b.name for b in BUDGETS if b.target not in _figures(entry)]
    return f"not measured: {', '.join(missing)}" if missing else None


def _figures(entry: FormatMeasurement | None) -> dict[str, float]:
    if entry is None or entry.error is not None:
        return {}
    single = [latency.p95_ms for latency in entry.latencies if latency.batch == 1]
    figures = {
        "max_latency_p95_ms": single[0] if single else None,
        "max_memory_mb": entry.peak_memory_mb,
        "max_size_mb": entry.size_mb,
    }
    return {name: value for name, value in figures.items() if value is not None and value > 0}
