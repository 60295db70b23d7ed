"""Which approvals of a release count. Everything else counts as absent, and is told why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seatrial.config.schema import Role
from seatrial.evidence.records import ApprovalRecord, KeyHeld
from seatrial.gates.approvals import keys, ssh_keygen
from seatrial.gates.approvals.folder import SIGNATURE, STATEMENT, Folder
from seatrial.gates.approvals.signers import Trust
from seatrial.gates.approvals.statement import (
    ROLES,
    Expected,
    Malformed,
    Statement,
    namespace,
    parse,
)

NO_SIGNERS = (
    "no file of allowed signers was given: --allowed-signers, SEATRIAL_ALLOWED_SIGNERS, or the "
    "user's configuration"
)


class _Absent(Exception):
    """Why an approval does not count."""


@dataclass
class _Seen:
    """What is known of an approval so far."""

    role: Role
    statement: Statement | None = None
    signer: str | None = None
    key: str | None = None


@dataclass
class _Judge:
    """What approvals are held against, and who has signed already."""

    trust: Trust
    expected: Expected
    at: str
    distinct: bool
    signed: dict[str, Role] = field(default_factory=dict)
    """By signer. A key has one: whom the first line that has it names."""

    def judge(self, folder: Folder, seen: _Seen) -> None:
        """Find out all there is to know of a role's approval.

        :raises _Absent: it does not count.
        """
        statement = seen.statement = _statement(folder, seen.role)
        signature = folder.files.get(seen.role + SIGNATURE)
        if signature is None:
            left_out = folder.left_out.get(seen.role + SIGNATURE)
            raise _Absent(f"its signature was not read: {left_out}" if left_out else "unsigned")
        if self.trust.signers is None:
            raise _Absent(NO_SIGNERS)
        try:
            seen.signer, seen.key = ssh_keygen.verify(
                folder.files[seen.role + STATEMENT],
                signature,
                signers=self.trust.signers,
                namespace=namespace(seen.role),
                at=self.at,
                revoked=self.trust.revoked,
            )
        except ssh_keygen.Rejected as why:
            raise _Absent(str(why)) from None
        if different := self.expected.difference(statement):
            raise _Absent(different)
        if statement.date > self.at:
            raise _Absent(f"dated {statement.date}, after the judging run began at {self.at}")
        if flaw := _misstated(statement.key_held, seen.key):
            raise _Absent(flaw)
        if self.distinct and seen.signer in self.signed:
            earlier = self.signed[seen.signer]
            raise _Absent(f"{seen.signer} has signed for {earlier}; signers must differ")
        self.signed[seen.signer] = seen.role


def verify(
    folder: Folder,
    trust: Trust,
    expected: Expected,
    *,
    at: str,
    required: Sequence[Role] = (),
    distinct: bool = False,
) -> tuple[ApprovalRecord, ...]:
    """Every approval in ``folder``, required roles first, then whatever else lies there.

    :param at: when the judging run began, ISO 8601 in UTC: signers must be allowed then, and
        nothing may be signed later.
    :param distinct: one person may sign for one role only; the first role counts.
    :raises InputError: ``trust`` cannot be read, or there is no usable ssh-keygen.
    """
    judge = _Judge(trust, expected, at, distinct)
    order = dict.fromkeys([*required, *ROLES])
    records = [_record(judge, folder, role) for role in order if _has(folder, role)]
    told = {f"{role}{ending}" for role in ROLES for ending in (STATEMENT, SIGNATURE)}
    strangers = [name for name in folder.left_out if name not in told]
    return (*records, *(_stranger(name, folder.left_out[name]) for name in strangers))


def missing(required: Iterable[Role], records: Sequence[ApprovalRecord]) -> list[Role]:
    """The required roles for which no approval counts."""
    present = {record.role for record in records if record.counts}
    return [role for role in dict.fromkeys(required) if role not in present]


def _has(folder: Folder, role: Role) -> bool:
    names = (role + STATEMENT, role + SIGNATURE)
    return any(name in folder.files or name in folder.left_out for name in names)


def _record(judge: _Judge, folder: Folder, role: Role) -> ApprovalRecord:
    seen, reason = _Seen(role), ""
    try:
        judge.judge(folder, seen)
    except _Absent as why:
        reason = str(why)
    said = seen.statement
    return ApprovalRecord(
        file=role + STATEMENT,
        role=role,
        signer=seen.signer,
        key=seen.key,
        date=None if said is None else said.date,
        key_held=None if said is None else said.key_held,
        note=None if said is None else said.note,
        counts=not reason,
        reason=reason,
    )


def _statement(folder: Folder, role: Role) -> Statement:
    name = role + STATEMENT
    if name in folder.left_out:
        raise _Absent(f"not read: {folder.left_out[name]}")
    if name not in folder.files:
        raise _Absent("a signature without its statement")
    try:
        statement = parse(folder.files[name])
    except Malformed as why:
        raise _Absent(f"malformed: {why}") from None
    if statement.role != role:
        raise _Absent(f"signed for the role {statement.role}")
    return statement


def _misstated(held: KeyHeld, key: str) -> str | None:
    """A kind of key that contradicts what its holder said of it."""
    kind = key.split()[0]
    if (held == "hardware") != kind.removesuffix("-CERT").endswith(keys.HARDWARE):
        return f"says that its key is held as {held}, which a key of the kind {kind} is not"
    return None


def _stranger(name: str, reason: str) -> ApprovalRecord:
    return ApprovalRecord(
        file=name,
        role=None,
        signer=None,
        key=None,
        date=None,
        key_held=None,
        note=None,
        counts=False,
        reason=reason,
    )
