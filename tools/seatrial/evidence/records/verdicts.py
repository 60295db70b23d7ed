"""The document and gate steps: what was rendered and how the items were judged."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.config.schema import Role
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


KeyHeld = Literal["hardware", "passphrase", "unprotected", "agent"]
"""How a signer's key was held, as far as the signing computer could tell."""


class ApprovalRecord(Record):
    """A file of the release's folder of approvals, and whether it counts as an approval."""

    file: str
    role: Role | None
    signer: str | None
    """Whom the signers file names for the key; None unless the signature is good."""
    key: str | None
    """Kind and fingerprint of the key that signed."""
    date: str | None
    """When it was signed, as the statement says. UTC, ISO 8601."""
    key_held: KeyHeld | None
    note: str | None
    counts: bool
    reason: str
    """Why it counts as absent; empty where it counts."""


class GateRecord(Record):
    """All items of a checklist judged. ``passed``: every item PASS, or waived validly."""

    checklist: str
    run: str
    release_digest: str
    passed: bool
    decision: str
    items: tuple[ItemVerdict, ...] = Field(default=())
    approvals: tuple[ApprovalRecord, ...] = ()
    """Every approval found, and everything that lies among them."""
    signers_sha256: str | None = None
    """Digest of the file of allowed signers that approvals were held against."""
    revoked_sha256: str | None = None
    """Digest of the file of revoked keys."""
