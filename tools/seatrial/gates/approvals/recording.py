"""Making an approval: what a release is, checked anew, signed, and written beside its release."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from seatrial.config.schema import Role
from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence import chain, reading
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import ApprovalRecord, GateRecord
from seatrial.evidence.runs import Run, now
from seatrial.files import write_together
from seatrial.gates import judging
from seatrial.gates.approvals import keys, ssh_keygen
from seatrial.gates.approvals.folder import FOLDER, SIGNATURE, STATEMENT, Folder, read_folder
from seatrial.gates.approvals.signers import Trust
from seatrial.gates.approvals.statement import Expected, Malformed, namespace, to_bytes
from seatrial.gates.approvals.verifying import verify
from seatrial.gates.verdicts import some

CHECKLIST = "production_ready"
"""The one that has an item on approval."""

_STEPS = (*reading.RECORD_TYPES, "gate")
_JUDGE_AGAIN = "judge it again with seatrial gate"


@dataclass(frozen=True)
class Judged:
    """A judged release whose verdicts were found to follow from its files."""

    run: Run
    facts: Facts
    gate: GateRecord
    expected: Expected

    @property
    def folder(self) -> Path:
        """Where approvals of this release lie."""
        return self.run.project / FOLDER / self.gate.release_digest

    def approvals(self, trust: Trust) -> tuple[ApprovalRecord, ...]:
        """Every approval of the release, as a gate that began now would take it.

        :raises InputError: ``trust`` cannot be read, or there is no usable ssh-keygen.
        """
        settings = self.facts.config.approvals
        return verify(
            self.read(),
            trust,
            self.expected,
            at=now(),
            required=settings.required,
            distinct=settings.distinct_signers,
        )

    def read(self) -> Folder:
        """The files that lie there."""
        return read_folder(self.run.project, self.gate.release_digest)


def find_judged(run: Run) -> Judged:
    """The release that ``run`` judged. Every file is hashed and every item judged anew: what
    somebody signs has to be what is there.

    :raises InputError: the run has no verdict, a file is not as its manifest says, or the verdicts
        recorded are not those that follow from the files.
    """
    place = run.step("gate")
    if place is None:
        raise InputError(f"run {run.id}: it has no verdict yet; {_JUDGE_AGAIN}")
    if problems := chain.flaws(run, _STEPS):
        raise InputError(f"run {run.id}: not the files that it was judged on: {some(problems)}")
    gate: GateRecord = reading.read_record(place.folder, GateRecord)
    facts = reading.read_facts(run)
    if facts.release_digest is None:
        raise InputError(f"run {run.id}: it has no release digest; finish it first")
    again = _again(facts, run)
    verdicts = judging.all_but_approval(again)
    if (gate.checklist, gate.run, gate.release_digest) != (CHECKLIST, run.id, again.release_digest):
        raise InputError(f"run {run.id}: the verdict in it is of another release; {_JUDGE_AGAIN}")
    if gate.items[: len(verdicts)] != tuple(verdicts):
        raise InputError(
            f"run {run.id}: the verdicts recorded are not those that this version finds in its "
            f"files; {_JUDGE_AGAIN}"
        )
    return Judged(run, facts, gate, Expected.of(facts, run.project, CHECKLIST, verdicts))


def sign(judged: Judged, role: Role, key: Path, note: str) -> Path:
    """Sign an approval of the release in ``role`` and write it; the statement's path.

    An earlier approval of the role is replaced. The statement is written last: a signature alone
    is none, and an old one beside a new statement does not fit it.

    :raises InputError: the key cannot be used, or the folder is no folder of the project's own.
    :raises ConfigurationError: the note is too long or does not print.
    """
    held = keys.how_held(key)
    try:
        statement = judged.expected.statement(role, note=note, date=now(), key_held=held)
    except Malformed as why:
        raise ConfigurationError(f"--note: {why}") from None
    if judged.read().unusable:
        raise InputError(f"{judged.folder}: a folder is required, and no link on the way to it")
    content = to_bytes(statement)
    try:
        signature = ssh_keygen.sign(
            content, key, namespace(role), through_agent=keys.is_public(key)
        )
    except ssh_keygen.Rejected as why:
        raise InputError(f"{key}: nothing was signed: {why}") from None
    return put(judged.folder, role, content, signature)


def put(folder: Path, role: Role, statement: bytes, signature: bytes) -> Path:
    """Write an approval's two files, the statement last; its path. After a crash between the two
    the new signature stands beside the old statement and does not fit it: none is counted.

    :raises InputError: the disk does not take them; then an earlier approval is as it was.
    """
    path = folder / (role + STATEMENT)
    write_together({folder / (role + SIGNATURE): signature, path: statement})
    return path


def _again(facts: Facts, run: Run) -> GateRecord:
    judged_on = datetime.date.fromisoformat(facts.run.started[:10])
    return judging.judge(CHECKLIST, facts, run.project, today=judged_on)
