"""The item on approval: every required stakeholder has signed this release."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.records import ApprovalRecord
from seatrial.gates import approvals
from seatrial.gates.checks.case import Case
from seatrial.gates.verdicts import Finding, conclude, some


def approved(case: Case) -> Finding:
    """Of each required role there is a signature by an allowed signer over the release digest, the
    run that made the release, its commit, the verdicts on all other items, and the waivers."""
    required = tuple(dict.fromkeys(case.facts.config.approvals.required))
    counting = [record for record in case.approvals if record.counts]
    lacking = approvals.missing(required, case.approvals)
    problems = []
    if not required:
        problems.append("approvals.required names nobody: at least one role must be")
    elif not case.approvals:
        problems.append(f"no approval recorded; required: {', '.join(required)}")
    elif lacking:
        problems += [_absence(role, case.approvals) for role in lacking]
    return conclude(
        problems,
        "; ".join([*map(_told, counting), *_others(case.approvals)]),
        measured=", ".join(str(record.role) for record in counting) or "no approval",
        bound=", ".join(required) or "one role at least (approvals.required)",
        remedy=_remedy(lacking, bool(case.facts.release_digest)),
    )


def _absence(role: str, records: tuple[ApprovalRecord, ...]) -> str:
    reasons = [record.reason for record in records if record.role == role]
    return f"{role}: counts as absent: {reasons[0]}" if reasons else f"{role}: no approval recorded"


def _told(record: ApprovalRecord) -> str:
    return f"{record.role} by {record.signer} on {str(record.date)[:10]}"


def _others(records: tuple[ApprovalRecord, ...]) -> list[str]:
    names = [f"{record.file} ({record.reason})" for record in records if not record.counts]
    return [f"not counted: {some(names)}"] if names else []


def _remedy(lacking: Sequence[str], released: bool) -> str | None:
    if not lacking or not released:
        return None
    return (
        f"A person signs with seatrial approve --role {lacking[0]} --key KEY, then seatrial gate."
    )
