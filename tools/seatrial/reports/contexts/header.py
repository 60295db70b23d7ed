"""What stands at the top of every document: which run, which release, and what to know first."""

from __future__ import annotations

import datetime
from typing import TypedDict

from seatrial.config.schema import Waiver
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord, ItemVerdict
from seatrial.reports import formats as f
from seatrial.reports.render import Table
from seatrial.reports.sentences import training

_APPROVAL_ITEM = 24


class Header(TypedDict):
    """``warnings`` are sentences that a reader must have seen before anything else."""

    facts: Table
    warnings: list[str]


def header(facts: Facts, gate: GateRecord | None = None) -> Header:
    """The header of a document; with ``gate`` the decision is part of it."""
    documents = facts.config.documents
    name = " ".join(part for part in (documents.name, documents.version) if part)
    rows = [
        ["Model", f.stated(name)],
        ["Run", facts.run.id],
        ["Run began", facts.run.started],
        ["Release digest", release_digest(facts)],
    ]
    if gate is not None:
        rows.append(["Decision", gate.decision])
    return {
        "facts": {"header": ["Fact", "Value"], "align": "ll", "rows": rows},
        "warnings": first_things(facts, gate),
    }


def release_digest(facts: Facts) -> str:
    """The digest in full, or why there is none."""
    return facts.release_digest or "none: the steps up to measurement are not all whole"


def first_things(facts: Facts, gate: GateRecord | None = None) -> list[str]:
    """A model trained elsewhere, and every waiver declared, whether it counts or not."""
    found = []
    if facts.train is not None and facts.train.trained_elsewhere:
        found.append(training.elsewhere(facts.run))
    return found + waivers(facts, gate)


def waivers(facts: Facts, gate: GateRecord | None = None) -> list[str]:
    """One sentence a waiver declared: what it is for, or why it counts for nothing."""
    items = {} if gate is None else {item.id: item for item in gate.items}
    return [_waiver(waiver, facts, items.get(waiver.item)) for waiver in facts.config.waivers]


def _waiver(waiver: Waiver, facts: Facts, judged: ItemVerdict | None) -> str:
    flaw = _flaw(waiver, facts)
    until = waiver.until.isoformat()
    if flaw is None and judged is not None:
        counted = judged.waiver
        if judged.verdict == "PASS":
            return f"Item {waiver.item} passes: its waiver until {until} is not needed."
        if counted is None or counted.until != until or counted.reason != waiver.reason.strip():
            flaw = "the gate does not count it"
    if flaw is not None:
        return f"A waiver for item {waiver.item} is declared and counts for nothing: {flaw}."
    begins = f"A waiver is declared for item {waiver.item}"
    if judged is not None:
        begins = f"Item {waiver.item} is waived"
    return f"{begins}, until {until}, by {waiver.by}: {waiver.reason}"


def _flaw(waiver: Waiver, facts: Facts) -> str | None:
    if waiver.item == _APPROVAL_ITEM:
        return "approval cannot be waived"
    if not waiver.reason.strip():
        return "it gives no reason"
    if not waiver.by.strip():
        return "it names nobody"
    if waiver.until < datetime.datetime.fromisoformat(facts.run.started).date():
        return f"it expired on {waiver.until.isoformat()}"
    return None
