"""Waivers: a team takes the responsibility for one item, for a time, with a reason and a name."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.config.schema import Waiver
from seatrial.evidence.records import WaiverRecord

NEVER = frozenset({24})
"""Items that cannot be waived: nobody waives the need for an approval."""


@dataclass(frozen=True)
class Waivers:
    """``valid``: the waiver that counts, by item. ``void``: why the others do not, by item."""

    valid: dict[int, WaiverRecord]
    void: dict[int, list[str]]


def sort(waivers: Sequence[Waiver], today: datetime.date) -> Waivers:
    """Tell the waivers that count on ``today`` from those that do not.

    A waiver counts through its last day. Of several for one item the one that ends last counts.
    """
    valid: dict[int, WaiverRecord] = {}
    void: dict[int, list[str]] = {}
    for waiver in sorted(waivers, key=lambda waiver: waiver.until):
        if problem := _problem(waiver, today):
            void.setdefault(waiver.item, []).append(f"a waiver does not count: {problem}")
        else:
            valid[waiver.item] = WaiverRecord(
                item=waiver.item,
                reason=waiver.reason.strip(),
                by=waiver.by.strip(),
                until=waiver.until.isoformat(),
            )
    return Waivers(valid, void)


def _problem(waiver: Waiver, today: datetime.date) -> str | None:
    if waiver.item in NEVER:
        return f"item {waiver.item} cannot be waived"
    if not waiver.reason.strip():
        return "it gives no reason"
    if not waiver.by.strip():
        return "it names nobody"
    if waiver.until < today:
        return f"it ended on {waiver.until.isoformat()}"
    return None
