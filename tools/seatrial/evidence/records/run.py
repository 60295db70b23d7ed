"""The run itself: where it began, on what, and what its steps left."""

from __future__ import annotations

from typing import Literal

from seatrial.evidence.records.base import Record


class Lineage(Record):
    """The repository when the run began. Files that Seatrial publishes do not make it dirty."""

    commit: str | None
    branch: str | None
    dirty: tuple[str, ...]
    reason: str | None = None
    """Why there is no commit, where there is none."""


class Environment(Record):
    """What the run ran on."""

    python: str
    platform: str
    processor: str
    cores: int
    memory_mb: int
    gpu: str | None
    packages: dict[str, str]
    """Every installed distribution and its version."""
    seatrial_version: str
    code_sha256: str
    """Digest of the installed package's files."""


class RunReference(Record):
    """A run, and the digest of its ``run.json``: with it git state and environment are fixed."""

    id: str
    sha256: str


class RunRecord(Record):
    """``run.json``, written when a run begins."""

    id: str
    command: str
    started: str
    """UTC, ISO 8601."""
    config_path: str | None
    config_sha256: str
    overrides: tuple[str, ...]
    vouched_by: str | None
    """The earlier gate that vouches for this configuration; None where it was given by hand."""
    checkpoint: str | None = None
    """A checkpoint trained elsewhere, relative to the project or absolute."""
    made_in: RunReference | None = None
    """Of a run that judges or documents: the run that made the release, whose git state and
    environment this one repeats."""
    git: Lineage
    environment: Environment


class FileDigest(Record):
    """A file of a step, relative to the step's folder."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(Record):
    """``manifest.json``: written last, so its presence means that the step is whole."""

    schema_version: Literal[2] = 2
    step: str
    run: RunReference
    """The run that did the work."""
    follows: dict[str, str]
    """Digest of the manifest of each earlier step that the run had then, by step: a chain, so that
    nothing earlier changes without breaking everything later."""
    inputs: dict[str, str]
    """Digest of each thing that went in: files of earlier steps and of the project, the
    configuration's slice, code, packages. The same inputs: the work is not done again."""
    started: str
    finished: str
    files: tuple[FileDigest, ...]


class KnownIssue(Record):
    """One entry of ``known_issues.yaml``."""

    id: str
    title: str
    severity: Literal["critical", "major", "minor"]
    status: Literal["open", "closed"]
