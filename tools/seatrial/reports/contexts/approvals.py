"""Approvals in documents and on a terminal: who signed, how the key was held, what counts."""

from __future__ import annotations

from seatrial.evidence.records import ApprovalRecord, GateRecord, KeyHeld
from seatrial.reports.render import Table

HELD: dict[KeyHeld, str] = {
    "hardware": "security key, by the kind of the key",
    "passphrase": "file with a passphrase",
    "unprotected": "file without a passphrase",
    "agent": "by an agent; how it is held there is not known",
}
"""How a key was held, in words."""


def approvals_table(gate: GateRecord) -> Table:
    """Every approval found: role, signer, date, how the key was held, whether it counts."""
    return {
        "header": ["Role", "Signer", "Signed", "Key", "Key held", "Note", "Counts"],
        "align": "lllllll",
        "rows": [_row(approval) for approval in gate.approvals],
    }


def approval_notes(gate: GateRecord) -> list[str]:
    """Where there is no approval, and whose signatures counted."""
    found = [] if gate.approvals else ["No approval is recorded."]
    return [*found, signers(gate.signers_sha256), *_revoked(gate)]


def signers(sha256: str | None) -> str:
    """Which file of allowed signers approvals were held against."""
    if sha256 is None:
        return "No file of allowed signers was given, so no approval could count."
    return (
        f"Approvals were held against the file of allowed signers with SHA-256 {sha256}: compare "
        "it with the one that your team keeps."
    )


def _revoked(gate: GateRecord) -> list[str]:
    if gate.revoked_sha256 is None:
        return []
    return [f"Revoked keys: the file with SHA-256 {gate.revoked_sha256}."]


def _row(approval: ApprovalRecord) -> list[str]:
    held = approval.key_held
    return [
        approval.role or approval.file,
        approval.signer or "not known",
        approval.date or "not known",
        approval.key or "not known",
        "not known" if held is None else HELD[held],
        approval.note or "none",
        "yes" if approval.counts else f"no: {approval.reason}",
    ]
