"""The document and gate steps: what was rendered and how the items were judged."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.evidence.records.base import Record


class CodeBlock(Record):
    """A code block of a document, run in the folder that a user would have."""

    document: str
    index: int
    language: str
    first_line: str
    exit_code: int | None
    error: str | None
    seconds: float


class Document(Record):
    """A rendered document, the sections it must have, and those that are missing."""

    name: str
    path: str
    sections: tuple[str, ...]
    missing_sections: tuple[str, ...]


class DocumentsRecord(Record):
    """What the document step rendered and ran."""

    documents: tuple[Document, ...]
    code_blocks: tuple[CodeBlock, ...]
    seconds: float


Verdict = Literal["PASS", "FAIL", "ERROR", "SKIPPED"]


class EvidenceFile(Record):
    """A file a verdict rests on, relative to the repository, with the digest of its bytes."""

    path: str
    sha256: str


class WaiverRecord(Record):
    """A waiver that counts: it stands beside the verdict and does not change it."""

    item: int
    reason: str
    by: str
    until: str


class ItemVerdict(Record):
    """One checklist item judged."""

    id: int
    title: str
    verdict: Verdict
    reason: str
    waiver: WaiverRecord | None = None
    measured: str | None
    bound: str | None
    evidence: tuple[EvidenceFile, ...]
    remedy: str


class GateRecord(Record):
    """All items of a checklist judged. ``passed``: every item PASS, or waived validly."""

    checklist: str
    run: str
    release_digest: str
    passed: bool
    decision: str
    items: tuple[ItemVerdict, ...] = Field(default=())
