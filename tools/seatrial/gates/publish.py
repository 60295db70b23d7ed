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
    }
