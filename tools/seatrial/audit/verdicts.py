"""Every item judged again, and compared with the verdict that the gate recorded."""

from __future__ import annotations

from datetime import date

from seatrial import gates
from seatrial.audit.findings import Finding, Findings
from seatrial.audit.hashing import Hashes, KnownDigests
from seatrial.audit.steps import StepFound
from seatrial.audit.subject import Subject
from seatrial.audit.tree import read_plain
from seatrial.errors import SeatrialError
from seatrial.evidence.facts import Facts
from seatrial.evidence.manifests import RECORD
from seatrial.evidence.reading import read_record
from seatrial.evidence.records import GateRecord, ItemVerdict, Record
from seatrial.files import pretty_json
from seatrial.gates.approvals import Trust

CHECKLIST = "production_ready"
GATE_JSON = "gate.json"
APPROVALS = "approvals"
"""In the gate step's folder: the approvals that it found."""
_SHOWN = 100
_TRUST = ("signers_sha256", "revoked_sha256")
"""Whom the gate trusted: an auditor trusts whom he will, so that another file is no forgery."""


def read_gate(step: StepFound) -> GateRecord | None:
    """What the gate recorded; None where it cannot be read."""
    try:
        record: GateRecord = read_record(step.folder, GateRecord)
    except SeatrialError:
        return None
    return record


def judge_again(subject: Subject, facts: Facts, trust: Trust, hashes: Hashes) -> GateRecord:
    """The gate's record as it follows from the evidence and from whom the auditor trusts."""
    project = subject.run.project
    return gates.judge(
        CHECKLIST,
        facts,
        project,
        today=date.fromisoformat(facts.run.started[:10]),
        approvals=subject.run.folder / "gate" / APPROVALS,
        trust=trust,
        digests=KnownDigests(project, hashes),
    )


def check_verdicts(step: StepFound, recorded: GateRecord | None, again: GateRecord) -> Findings:
    """Item by item, where the recorded verdict is not the one that follows."""
    shown = f"{step.shown}/{RECORD}"
    if recorded is None:
        yield Finding(shown, "damaged", "it is not the record of a gate")
        return
    yield from _check_copy(step, recorded)
    yield from _fields(shown, "", again, recorded, leave=("items", *_TRUST))
    by_id = {item.id: item for item in again.items}
    for item in recorded.items:
        required = by_id.pop(item.id, None)
        if required is None:
            yield Finding(shown, "verdict", f"item {item.id}: the checklist has no such item")
        else:
            yield from _check_item(shown, required, item)
    for number in by_id:
        yield Finding(shown, "verdict", f"item {number}: not judged")


def _check_item(shown: str, required: ItemVerdict, found: ItemVerdict) -> Findings:
    if required.verdict != found.verdict:
        message = (
            f"item {found.id}: {required.verdict} follows from the evidence,"
            f" found {found.verdict}: {required.reason}"
        )
        yield Finding(shown, "verdict", message)
        return
    yield from _fields(shown, f"item {found.id}, ", required, found)


def _fields(
    shown: str, prefix: str, required: Record, found: Record, leave: tuple[str, ...] = ()
) -> Findings:
    for name in type(required).model_fields:
        first, second = getattr(required, name), getattr(found, name)
        if name not in leave and first != second:
            message = f"{prefix}{name}: {_told(first)} follows, found {_told(second)}"
            yield Finding(shown, "verdict", message)


def _told(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _check_copy(step: StepFound, recorded: GateRecord) -> Findings:
    """What machines read, and what is published, is the record in another form."""
    expected = pretty_json(gates.to_json(recorded)).encode()
    found = read_plain(step.folder / GATE_JSON)
    if found is not None and found != expected:
        yield Finding(f"{step.shown}/{GATE_JSON}", "verdict", f"not what {RECORD} says")
