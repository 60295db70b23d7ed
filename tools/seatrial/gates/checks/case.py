"""What a check is given."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import ApprovalRecord
from seatrial.gates.evidence_files import Evidence
from seatrial.gates.schema import Item


@dataclass(frozen=True)
class Case:
    """One item to judge: the facts, the files (each use is noted), and the checklist's entry."""

    facts: Facts
    evidence: Evidence
    item: Item
    approvals: tuple[ApprovalRecord, ...] = ()
    """For the item on approval alone: what was signed, and whether it counts with the verdicts of
    all other items."""
