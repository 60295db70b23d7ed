"""What an audit finds, and what it looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from seatrial.reports.render import one_line

Kind = Literal[
    "missing", "extra", "changed", "renamed", "link", "hard link", "special", "damaged", "chain",
    "stale", "document", "verdict", "record", "ledger", "outcome", "signature", "remeasured",
    "not checked",
]  # fmt: skip


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is not as it must be. ``path`` is relative to the project."""

    path: str
    kind: Kind
    message: str

    def line(self) -> str:
        """The finding on one line, whatever its names hold."""
        return one_line(f"{self.path}: {self.kind}: {self.message}")

    def as_plain_data(self) -> dict[str, str]:
        """For JSON."""
        return {"path": self.path, "kind": self.kind, "message": self.message}


Findings = Iterator[Finding]


@dataclass(frozen=True)
class Report:
    """The end of an audit. ``notes`` are no findings: what a reader must know to judge them."""

    run: str
    release_digest: str | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    files: int
    """Files hashed, each name counted."""
    size_bytes: int
    """Bytes hashed, each file counted once, however many names it has."""
    documents: int
    """Documents rendered again and compared."""
    verdicts: int
    """Checklist items judged again and compared."""
    remeasured: tuple[str, ...] | None = None
    """What was measured again; None where that was not asked for."""

    def as_plain_data(self) -> dict[str, object]:
        """For JSON."""
        return {
            "run": self.run,
            "release_digest": self.release_digest,
            "findings": [finding.as_plain_data() for finding in self.findings],
            "notes": list(self.notes),
            "files": self.files,
            "size_bytes": self.size_bytes,
            "documents": self.documents,
            "verdicts": self.verdicts,
            "remeasured": None if self.remeasured is None else list(self.remeasured),
        }


def short(digest: object) -> str:
    """A digest as far as a person compares it."""
    return str(digest)[:12]
