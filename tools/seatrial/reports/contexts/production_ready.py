"""Context of ``production_ready.md``: every item judged, what failed first with its remedy."""

from __future__ import annotations

from typing import TypedDict

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord, ItemVerdict
from seatrial.reports import formats as f
from seatrial.reports.contexts.approvals import approval_notes, approvals_table
from seatrial.reports.contexts.header import header, waivers
from seatrial.reports.render import Table


class OpenItem(TypedDict):
    """An item that did not pass: its heading, and a table of what, why and what to do."""

    heading: str
    facts: Table


def context(facts: Facts, gate: GateRecord) -> dict[str, object]:
    """Facts and verdicts → the template's values."""
    return {
        "title": "Production readiness",
        "header": header(facts, gate),
        "decision": decision(gate),
        "waivers": waivers(facts, gate) or ["No waiver is declared."],
        "approvals": approvals_table(gate),
        "approval_notes": approval_notes(gate),
        "open_items": [_open_item(item) for item in gate.items if item.verdict != "PASS"],
        "items": _items(gate),
        "evidence": _evidence(gate),
    }


def tally(gate: GateRecord) -> str:
    """``23 of 24 items pass``."""
    passed = sum(item.verdict == "PASS" for item in gate.items)
    return f"{passed} of {f.plural(len(gate.items), 'item')} pass"


def decision(gate: GateRecord) -> list[str]:
    """Ready or not, and the items that stand in the way."""
    standing = [i for i in gate.items if i.verdict != "PASS" and i.waiver is None]
    waived = [i for i in gate.items if i.verdict != "PASS" and i.waiver is not None]
    lines = [f"{'Ready' if gate.passed else 'Not ready'}: {tally(gate)}."]
    if standing:
        names = [f"{i.id} {i.title} ({i.verdict})" for i in standing]
        lines.append(f"In the way: {f.listing(names, len(names))}.")
    if waived:
        names = [f"{i.id} {i.title} ({i.verdict})" for i in waived]
        lines.append(f"Not passed, and waived: {f.listing(names, len(names))}.")
    return lines


def _open_item(item: ItemVerdict) -> OpenItem:
    rows = [
        ["Verdict", item.verdict],
        ["Reason", item.reason],
        ["Measured", f.NOT_MEASURED if item.measured is None else item.measured],
        ["Bound", "none" if item.bound is None else item.bound],
        ["Remedy", item.remedy],
    ]
    if item.waiver is not None:
        waiver = item.waiver
        rows.append(["Waiver", f"until {waiver.until} by {waiver.by}: {waiver.reason}"])
    return {
        "heading": f"{item.id} {item.title}",
        "facts": {"header": ["What", "Value"], "align": "ll", "rows": rows},
    }


def _items(gate: GateRecord) -> Table:
    return {
        "header": ["Item", "Claim", "Verdict", "Measured", "Bound", "Waiver", "Evidence"],
        "align": "rllllll",
        "rows": [
            [
                str(item.id),
                item.title,
                item.verdict,
                f.NOT_MEASURED if item.measured is None else item.measured,
                "none" if item.bound is None else item.bound,
                "none" if item.waiver is None else f"until {item.waiver.until}",
                f.listing([f.digest(e.sha256) for e in item.evidence], 4) or "none",
            ]
            for item in gate.items
        ],
    }


def _evidence(gate: GateRecord) -> Table:
    """Every file a verdict rests on, once, with its whole digest and the items that read it."""
    items: dict[tuple[str, str], list[str]] = {}
    for item in gate.items:
        for evidence in item.evidence:
            items.setdefault((evidence.path, evidence.sha256), []).append(str(item.id))
    return {
        "header": ["File", "SHA-256", "Items"],
        "align": "lll",
        "rows": [
            [path, digest, ", ".join(dict.fromkeys(ids))]
            for (path, digest), ids in sorted(items.items())
        ],
    }
