"""The gate for machines: what ``gate.json`` holds."""

from __future__ import annotations

from seatrial.evidence.records import GateRecord


def to_json(gate: GateRecord) -> dict[str, object]:
    """A judged gate as plain JSON data; the same record gives the same data."""
    return {
        "passed": gate.passed,
        "decision": gate.decision,
        "run": gate.run,
        "release_digest": gate.release_digest,
        "items": [item.model_dump(mode="json") for item in gate.items],
        "approvals": [approval.model_dump(mode="json") for approval in gate.approvals],
        "signers_sha256": gate.signers_sha256,
        "revoked_sha256": gate.revoked_sha256,
    }
