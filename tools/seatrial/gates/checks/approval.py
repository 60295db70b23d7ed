"""The item on approval: every required stakeholder has signed this release."""

from __future__ import annotations

from seatrial.gates import approvals
from seatrial.gates.checks.case import Case
from seatrial.gates.verdicts import Finding


def approved(case: Case) -> Finding:
    """No approval can be recorded yet, so none is."""
    roles = approvals.missing(case.facts.config.approvals.required)
    who = ", ".join(roles) if roles else "nobody is named: at least one role must be"
    return Finding(
        "FAIL",
        f"no approval recorded; required: {who}",
        measured="no approval",
        bound=", ".join(roles) or "one role at least (approvals.required)",
    )
