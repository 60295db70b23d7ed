"""Judges every item of a checklist. An item's verdict depends on no other item's."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord, ItemVerdict, WaiverRecord
from seatrial.gates import waivers
from seatrial.gates.checks import CHECKS
from seatrial.gates.checks.case import Case
from seatrial.gates.evidence_files import Digests, Evidence
from seatrial.gates.schema import Item, load_checklist
from seatrial.gates.verdicts import Finding, NotChecked


def judge(checklist: str, facts: Facts, project: Path, *, today: datetime.date) -> GateRecord:
    """Judge all items of the shipped ``checklist`` on ``facts`` and the files of ``project``.

    Reads files and writes none. Every item is judged, whatever the others say.

    :param today: the day on which waivers must still hold.
    :raises ConfigurationError: the checklist itself is wrong or unknown.
    """
    items = load_checklist(checklist).items
    digests = Digests(project)
    taken = waivers.sort(facts.config.waivers, today)
    verdicts = tuple(
        judge_item(
            item,
            facts,
            digests,
            waiver=taken.valid.get(item.id),
            void=taken.void.get(item.id, ()),
        )
        for item in items
    )
    passed = facts.release_digest is not None and all(map(counts, verdicts))
    return GateRecord(
        checklist=checklist,
        run=facts.run.id,
        release_digest=facts.release_digest or "",
        passed=passed,
        decision=_decision(passed, verdicts),
        items=verdicts,
    )


def counts(verdict: ItemVerdict) -> bool:
    """Whether the item lets the gate pass: it passes itself, or is waived validly."""
    return verdict.verdict == "PASS" or verdict.waiver is not None


def judge_item(
    item: Item,
    facts: Facts,
    digests: Digests,
    *,
    waiver: WaiverRecord | None = None,
    void: Sequence[str] = (),
) -> ItemVerdict:
    """Judge one item. ``void`` says why waivers for it do not count."""
    evidence = Evidence(facts, digests)
    finding = _find(item, facts, evidence)
    waived = waiver if finding.verdict != "PASS" else None
    reasons = [finding.reason]
    if finding.verdict != "PASS" and waived is None:
        reasons += void
    return ItemVerdict(
        id=item.id,
        title=item.title,
        verdict=finding.verdict,
        reason="; ".join(reasons),
        waiver=waived,
        measured=finding.measured,
        bound=finding.bound,
        evidence=evidence.files,
        remedy=finding.remedy or item.remedy,
    )


def _find(item: Item, facts: Facts, evidence: Evidence) -> Finding:
    try:
        evidence.declared(item.evidence)
        finding = CHECKS[item.check].function(Case(facts, evidence, item))
    except NotChecked as why:
        finding = Finding("ERROR", f"not checked: {why}")
    except Exception as error:  # the one boundary: a check that breaks proves nothing
        reason = " ".join(str(error).split())[:300]
        finding = Finding("ERROR", f"not checked: {type(error).__name__}: {reason}")
    if not evidence.flaws:
        return finding
    return Finding(
        "ERROR",
        f"not checked: {'; '.join(evidence.flaws[:3])}",
        finding.measured,
        finding.bound,
        "Restore the file from the run that made it, or run the step again: seatrial finalize.",
    )


def _decision(passed: bool, verdicts: Sequence[ItemVerdict]) -> str:
    passing = sum(verdict.verdict == "PASS" for verdict in verdicts)
    parts = [f"{passing} of {len(verdicts)} items pass"]
    waived = [verdict.id for verdict in verdicts if verdict.waiver is not None]
    if waived:
        parts.append(f"{len(waived)} waived ({_numbers(waived)})")
    for name, word in (("FAIL", "failed"), ("ERROR", "not checked"), ("SKIPPED", "skipped")):
        ids = [v.id for v in verdicts if v.verdict == name and v.waiver is None]
        if ids:
            parts.append(f"{len(ids)} {word} ({_numbers(ids)})")
    return f"{'ready' if passed else 'not ready'}: {', '.join(parts)}"


def _numbers(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids))
