"""Reads a run's manifests and records as :class:`Facts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seatrial.errors import InputError
from seatrial.evidence import known_issues, manifests
from seatrial.evidence.facts import Facts, StepFacts
from seatrial.evidence.known_issues import KNOWN_ISSUES
from seatrial.evidence.records import (
    BenchmarkRecord,
    DataRecord,
    DocumentsRecord,
    EvaluationRecord,
    ExportRecord,
    Record,
    TrainRecord,
    VerificationRecord,
)
from seatrial.evidence.runs import Run
from seatrial.files import digest_of, read_json, sha256_file

RECORD_TYPES: dict[str, tuple[str, type[Record]]] = {
    "data": ("data", DataRecord),
    "train": ("train", TrainRecord),
    "evaluate": ("evaluate", EvaluationRecord),
    "export": ("export", ExportRecord),
    "verify": ("verify", VerificationRecord),
    "benchmark": ("benchmark", BenchmarkRecord),
    "document": ("documents", DocumentsRecord),
}
"""By step: the field of :class:`Facts`, and the type of its record."""

RELEASED_STEPS = ("data", "train", "evaluate", "export", "verify", "benchmark")
"""The steps whose manifests the release digest covers."""


def read_record(folder: Path, record_type: type[Record]) -> Any:
    """``record.json`` of a whole step, as its type.

    :raises InputError: missing, damaged, or written by another version.
    """
    path = folder / manifests.RECORD
    try:
        return record_type.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {where}: {first['msg']}; run that step again") from None


def read_facts(run: Run, documents: Path | None = None) -> Facts:
    """Everything the run has proved so far.

    :param documents: the document step's folder while that step is at work; what is known to be
        wrong is read there, so that documents and verdicts follow from the run's files alone.
    """
    steps: dict[str, StepFacts] = {}
    records: dict[str, Any] = {}
    for name, (field, record_type) in RECORD_TYPES.items():
        place = run.step(name)
        if place is None:
            continue
        steps[name] = StepFacts(
            folder=place.folder.relative_to(run.project).as_posix(),
            manifest=manifests.read(place.folder),
            manifest_sha256=sha256_file(place.folder / manifests.MANIFEST),
            reused_from=None if place.run == run.id else place.run,
        )
        records[field] = read_record(place.folder, record_type)
    config = run.config()
    place = run.step("document")
    documents = documents or (None if place is None else place.folder)
    issues, problem = (
        known_issues.try_load(documents / KNOWN_ISSUES, config.known_issues)
        if documents
        else (None, None)
    )
    return Facts(
        run=run.record(),
        config=config,
        steps=steps,
        release_digest=release_digest(steps),
        known_issues=issues,
        known_issues_problem=problem,
        **records,
    )


def release_digest(steps: dict[str, StepFacts]) -> str | None:
    """SHA-256 over the manifests of every released step; None until all are whole."""
    if any(name not in steps for name in RELEASED_STEPS):
        return None
    return digest_of({name: steps[name].manifest_sha256 for name in RELEASED_STEPS})
