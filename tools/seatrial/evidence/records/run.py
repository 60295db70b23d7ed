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
    git: Lineage
    environment: Environment


class FileDigest(Record):
    """A file of a step, relative to the step's folder."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(Record):
    """``manifest.json``: written last, so its presence means that the step is whole."""

    schema_version: Literal[1] = 1
    step: str
    inputs: dict[str, str]
    """Digest of each thing that went in: earlier steps' manifests, the config's slice, code."""
    started: str
    finished: str
    files: tuple[FileDigest, ...]


class KnownIssue(Record):
    """One entry of ``known_issues.yaml``."""

    id: str
    title: str
    severity: Literal["critical", "major", "minor"]
    status: Literal["open", "closed"]
