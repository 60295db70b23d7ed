"""All facts of a run, read from its manifests and the files they name."""

from __future__ import annotations

from seatrial.config.schema import Config
from seatrial.evidence.records import (
    BenchmarkRecord,
    DataRecord,
    DocumentsRecord,
    EvaluationRecord,
    ExportRecord,
    KnownIssue,
    Manifest,
    Record,
    RunRecord,
    TrainRecord,
    VerificationRecord,
)


class StepFacts(Record):
    """A finished step: where it lies, relative to the project, and its manifest."""

    folder: str
    manifest: Manifest
    manifest_sha256: str
    reused_from: str | None
    """The run that did the work, where it was not this one."""


class Facts(Record):
    """Everything a document or a verdict may say. A step that has not finished is None."""

    run: RunRecord
    config: Config
    data: DataRecord | None = None
    train: TrainRecord | None = None
    evaluate: EvaluationRecord | None = None
    export: ExportRecord | None = None
    verify: VerificationRecord | None = None
    benchmark: BenchmarkRecord | None = None
    documents: DocumentsRecord | None = None
    steps: dict[str, StepFacts]
    """By step: data, train, evaluate, export, verify, benchmark, document."""
    release_digest: str | None
    """SHA-256 over the manifests of the steps up to measurement; None until all are whole."""
    known_issues: tuple[KnownIssue, ...] | None
    """None: the file does not exist, or cannot be read."""
    known_issues_problem: str | None = None
    """Why the file cannot be read, where it exists."""
