"""What a terminal shows of approvals: what is being approved, and what has been."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import ApprovalRecord, GateRecord
from seatrial.reports import formats as f
from seatrial.reports.contexts.approvals import HELD
from seatrial.reports.contexts.model_card import model_name
from seatrial.reports.render import one_line
from seatrial.reports.sentences import results

_APPROVAL_ITEM = 24


def what_is_approved(facts: Facts, gate: GateRecord) -> list[str]:
    """Release, model, decision, target and achieved, every other item that is not PASS, and the
    waivers: what somebody takes the responsibility for who approves."""
    evaluation, targets = facts.evaluate, facts.config.targets
    accuracy = None if evaluation is None else evaluation.test.get("acc")
    target = "not declared" if targets.test_acc is None else f.percent(targets.test_acc)
    made_in = facts.run.id if facts.run.made_in is None else facts.run.made_in.id
    rows = [
        ("release", gate.release_digest),
        ("model", model_name(facts)),
        ("made in", f"run {made_in}, commit {facts.run.git.commit or 'none'}"),
        ("judged in", f"run {gate.run}"),
        ("decision", gate.decision),
        ("target", target),
        ("achieved", f.estimate(accuracy, True)),
        ("margin", results.margin(evaluation, targets)),
    ]
    lines = [f"{name:<10} {one_line(text)}" for name, text in rows]
    shown = [item for item in gate.items if item.verdict != "PASS" and item.id != _APPROVAL_ITEM]
    if not shown:
        return [*lines, f"{'items':<10} every other item passes, and none is waived"]
    for item in shown:
        said = one_line(f"{item.title}: {item.reason}")
        lines.append(f"  {item.verdict:<7} {item.id:>2} {said}")
        if item.waiver is not None:
            waiver = item.waiver
            waived = f"waived by {waiver.by} until {waiver.until}: {waiver.reason}"
            lines.append(f"{'':>10} {one_line(waived)}")
    return lines


def approval_lines(approvals: Sequence[ApprovalRecord], signers_sha256: str | None) -> list[str]:
    """A line an approval with who, when, how the key was held, or why it counts as absent; then
    the digest of the file of allowed signers."""
    digest = signers_sha256 or "none: no file of allowed signers was given"
    return [*map(_line, approvals), f"{'signers':<10} {digest}"]


def _line(approval: ApprovalRecord) -> str:
    name = approval.role or approval.file
    if not approval.counts:
        who = f" ({approval.signer})" if approval.signer else ""
        return f"{'absent':<10} {one_line(f'{name}{who}: {approval.reason}')}"
    held = "" if approval.key_held is None else f", key: {HELD[approval.key_held]}"
    note = f", note: {approval.note}" if approval.note else ""
    said = one_line(f"{name} by {approval.signer}, {approval.date}{held}{note}")
    return f"{'approved':<10} {said}"
