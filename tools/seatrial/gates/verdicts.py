"""What a check says, and what each verdict means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.evidence.records import Verdict

MEANINGS: dict[Verdict, str] = {
    "PASS": "the evidence is whole and proves the claim",
    "FAIL": "the evidence is whole and refutes the claim, or does not prove it",
    "ERROR": "not checked: evidence is missing, damaged, or contradicts itself",
    "SKIPPED": "does not apply to this run, for the reason given",
}
"""Only PASS lets an item pass by itself; the others need a valid waiver."""

EXIT_CODES: dict[bool, int] = {True: 0, False: 1}
"""Exit code of a command that judges, by whether the gate passed."""


class NotChecked(Exception):
    """Raised inside a check where the claim cannot be judged; becomes ERROR with this reason."""


@dataclass(frozen=True)
class Finding:
    """What one check found. ``remedy`` replaces the checklist's where the case has its own."""

    verdict: Verdict
    reason: str
    measured: str | None = None
    bound: str | None = None
    remedy: str | None = None


def skipped(reason: str) -> Finding:
    """The claim does not apply to this run."""
    return Finding("SKIPPED", reason, remedy="A team that accepts this waives the item.")


def conclude(
    problems: Sequence[str],
    proved: str,
    *,
    measured: str | None = None,
    bound: str | None = None,
    remedy: str | None = None,
) -> Finding:
    """FAIL with every problem, or PASS with ``proved`` where there is none."""
    if problems:
        return Finding("FAIL", "; ".join(problems), measured, bound, remedy)
    return Finding("PASS", proved, measured, bound)


def number_of(count: int, noun: str) -> str:
    """A count and its noun, which takes an s: "1 pair", "1,200 pairs"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def some(names: Sequence[str], most: int = 3) -> str:
    """The first ``most`` names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
