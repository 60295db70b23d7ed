"""Judges every item of a checklist. An item's verdict depends on no other item's, but for the
approval's, which was given for the verdicts of all others."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import ApprovalRecord, GateRecord, ItemVerdict, WaiverRecord
from seatrial.gates import waivers
from seatrial.gates.approvals import NOBODY, Expected, Trust, read_kept, verify
from seatrial.gates.checks import CHECKS
from seatrial.gates.checks.case import Case
from seatrial.gates.evidence_files import Digests, Evidence
from seatrial.gates.schema import Item, load_checklist
from seatrial.gates.verdicts import Finding, NotChecked

APPROVAL = "approved"
"""The check that is made last."""


@dataclass(frozen=True)
class Approvals:
    """What was signed; or why that could not be found out."""

    records: tuple[ApprovalRecord, ...] = ()
    problem: str | None = None


NO_APPROVALS = Approvals()


def judge(
    checklist: str,
    facts: Facts,
    project: Path,
    *,
    today: datetime.date,
    approvals: Path | None = None,
    trust: Trust = NOBODY,
    digests: Digests | None = None,
) -> GateRecord:
    """Judge all items of the shipped ``checklist`` on ``facts`` and the files of ``project``.

    Reads files and writes none. Every item is judged, whatever the others say.

    :param today: the day on which waivers must still hold.
    :param approvals: the gate step's copy of the release's approvals; signers must have been
        allowed when the run of ``facts`` began. None: there are none.
    :param trust: whose approvals count.
    :param digests: of files that have been hashed already; None: hash them.
    :raises ConfigurationError: the checklist itself is wrong or unknown.
    """
    items = load_checklist(checklist).items
    digests = digests or Digests(project)
    taken = waivers.sort(facts.config.waivers, today)
    signed = NO_APPROVALS
    verdicts: list[ItemVerdict] = []
    for item in sorted(items, key=lambda item: item.check == APPROVAL):
        if item.check == APPROVAL and approvals is not None:
            signed = _verify(
                Expected.of(facts, project, checklist, verdicts), facts, approvals, trust
            )
        verdicts.append(
            judge_item(
                item,
                facts,
                digests,
                waiver=taken.valid.get(item.id),
                void=taken.void.get(item.id, ()),
                approvals=signed,
            )
        )
    verdicts.sort(key=lambda verdict: verdict.id)
    passed = facts.release_digest is not None and all(map(counts, verdicts))
    return GateRecord(
        checklist=checklist,
        run=facts.run.id,
        release_digest=facts.release_digest or "",
        passed=passed,
        decision=_decision(passed, verdicts),
        items=tuple(verdicts),
        approvals=signed.records,
        signers_sha256=trust.signers_sha256,
        revoked_sha256=trust.revoked_sha256,
    )


def _verify(expected: Expected, facts: Facts, folder: Path, trust: Trust) -> Approvals:
    settings = facts.config.approvals
    try:
        return Approvals(
            verify(
                read_kept(folder),
                trust,
                expected,
                at=facts.run.started,
                required=settings.required,
                distinct=settings.distinct_signers,
            )
        )
    except InputError as why:
        return Approvals(problem=str(why))


def all_but_approval(gate: GateRecord) -> list[ItemVerdict]:
    """The verdicts that an approval is given for."""
    last = {item.id for item in load_checklist(gate.checklist).items if item.check == APPROVAL}
    return [verdict for verdict in gate.items if verdict.id not in last]


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
    approvals: Approvals = NO_APPROVALS,
) -> ItemVerdict:
    """Judge one item. ``void`` says why waivers for it do not count."""
    evidence = Evidence(facts, digests)
    finding = _find(item, facts, evidence, approvals)
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


def _find(item: Item, facts: Facts, evidence: Evidence, approvals: Approvals) -> Finding:
    try:
        evidence.declared(item.evidence)
        if approvals.problem is not None and item.check == APPROVAL:
            raise NotChecked(approvals.problem)
        signed = approvals.records if item.check == APPROVAL else ()
        finding = CHECKS[item.check].function(Case(facts, evidence, item, signed))
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
