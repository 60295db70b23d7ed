"""What an approval signs: a typed record with one canonical form, refused in any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from seatrial.config.schema import Role
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import (
    ItemVerdict,
    KeyHeld,
    Record,
    RunReference,
    Verdict,
    WaiverRecord,
)
from seatrial.evidence.runs import Run
from seatrial.files import canonical_json

ROLES: tuple[Role, ...] = get_args(Role)
NAMESPACE = "seatrial-approval"
MAX_NOTE = 1000


def namespace(role: Role) -> str:
    """The namespace that a role signs in. A line of allowed signers may be restricted to some."""
    return f"{NAMESPACE}-{role}"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line of printable characters was expected")
    return text


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, Field(max_length=MAX_NOTE), AfterValidator(_printable)]
Date = Annotated[str, Field(pattern=r"^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ$")]


class JudgedItem(Record):
    """An item as it stood when it was approved."""

    item: int
    verdict: Verdict
    measured: str | None
    bound: str | None


class Statement(Record):
    """What somebody signs who approves a release. The signed bytes are :func:`to_bytes` of it."""

    model_config = ConfigDict(strict=True)

    schema_version: Literal[1] = 1
    kind: Literal["seatrial approval"] = "seatrial approval"
    checklist: str
    item: Literal[24] = 24
    role: Role
    release_digest: Digest
    run: RunReference
    """The run that made the release."""
    commit: str | None
    """The commit of that run; None outside a repository."""
    verdicts: tuple[JudgedItem, ...]
    """Every other item of the checklist, whether it passes or not."""
    waivers: tuple[WaiverRecord, ...]
    """Those that count."""
    note: Line
    date: Date
    """When it was signed: UTC, ISO 8601."""
    key_held: KeyHeld


class Malformed(ValueError):
    """A file that is no statement in its canonical form."""


@dataclass(frozen=True)
class Expected:
    """What an approval of a judged release must have been signed for."""

    checklist: str
    release_digest: str
    run: RunReference
    commit: str | None
    verdicts: tuple[JudgedItem, ...]
    waivers: tuple[WaiverRecord, ...]

    @classmethod
    def of(
        cls, facts: Facts, project: Path, checklist: str, verdicts: Sequence[ItemVerdict]
    ) -> Expected:
        """Of a run's facts and the ``verdicts`` on all items but the approval."""
        return cls(
            checklist=checklist,
            release_digest=facts.release_digest or "",
            run=facts.run.made_in or Run(project, facts.run.id).reference(),
            commit=facts.run.git.commit,
            verdicts=tuple(
                JudgedItem(item=v.id, verdict=v.verdict, measured=v.measured, bound=v.bound)
                for v in verdicts
            ),
            waivers=tuple(v.waiver for v in verdicts if v.waiver is not None),
        )

    def statement(self, role: Role, *, note: str, date: str, key_held: KeyHeld) -> Statement:
        """The statement that somebody who approves this signs.

        :raises Malformed: the note is too long or does not print.
        """
        try:
            return Statement(
                checklist=self.checklist,
                role=role,
                release_digest=self.release_digest,
                run=self.run,
                commit=self.commit,
                verdicts=self.verdicts,
                waivers=self.waivers,
                note=note,
                date=date,
                key_held=key_held,
            )
        except ValidationError as error:
            raise Malformed(_first(error)) from None

    def difference(self, statement: Statement) -> str | None:
        """In what the statement was signed for something else; None if in nothing."""
        if statement.checklist != self.checklist:
            return f"signed for the checklist {statement.checklist}"
        if statement.release_digest != self.release_digest:
            return f"signed for another release, {statement.release_digest[:12]}"
        if statement.commit != self.commit:
            return f"signed for another commit, {(statement.commit or 'none')[:12]}"
        if statement.run != self.run:
            same = statement.run.id == self.run.id
            told = "whose run.json was another" if same else f"not {self.run.id}"
            return f"signed for run {statement.run.id}, {told}"
        changed = _changed(statement.verdicts, self.verdicts)
        if changed:
            return f"signed for other verdicts: {'; '.join(changed[:3])}"
        if statement.waivers != self.waivers:
            return (
                f"signed for other waivers: {_items(statement.waivers)}, now {_items(self.waivers)}"
            )
        return None


def to_bytes(statement: Statement) -> bytes:
    """The one form of a statement: what is signed, and what stands in its file."""
    return canonical_json(statement.model_dump(mode="json"))


def parse(content: bytes) -> Statement:
    """The statement that a file holds.

    :raises Malformed: it is not a statement, or not in its one form: spaces, another order of
        keys, a key twice.
    """
    try:
        statement = Statement.model_validate_json(content)
    except ValidationError as error:
        raise Malformed(_first(error)) from None
    if to_bytes(statement) != content:
        raise Malformed("not in the canonical form that is signed")
    return statement


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    text = " ".join(f"{where}: {first['msg']}".split()).removeprefix(": ")
    return "".join(c if c.isprintable() else "?" for c in text)[:200]


def _changed(signed: Sequence[JudgedItem], now: Sequence[JudgedItem]) -> list[str]:
    before, after = {i.item: i for i in signed}, {i.item: i for i in now}
    found = []
    for item in sorted(before.keys() | after.keys()):
        old, new = before.get(item), after.get(item)
        if old != new:
            found.append(f"item {item} was {_told(old)}, now {_told(new)}")
    return found or (["in another order"] if tuple(signed) != tuple(now) else [])


def _told(item: JudgedItem | None) -> str:
    if item is None:
        return "not judged"
    return f"{item.verdict} ({item.measured or 'not measured'}; bound {item.bound or 'none'})"


def _items(waivers: Sequence[WaiverRecord]) -> str:
    return ", ".join(f"item {w.item} until {w.until} by {w.by}" for w in waivers) or "none"
