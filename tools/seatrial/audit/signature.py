"""The signed statement of where a release comes from."""

from __future__ import annotations

from pathlib import Path

from seatrial import provenance
from seatrial.audit.comparing import unlike_a_file
from seatrial.audit.findings import Finding, Findings
from seatrial.audit.subject import Subject
from seatrial.audit.tree import look, read_plain
from seatrial.errors import SeatrialError
from seatrial.publishing import ENVELOPE


def check_signature(subject: Subject, statement: bytes | None, public_key: Path | None) -> Findings:
    """An envelope holds the statement that follows from the facts, and the key's signature if one
    is given.

    :param statement: as it is rendered again; None where it cannot be.
    """
    path = subject.run.project / ENVELOPE
    entry = look(path)
    if entry is None:
        if public_key is not None:
            message = f"--public-key {public_key.name} was given, and no envelope is there"
            yield Finding(ENVELOPE, "missing", f"{message}: bring it, or sign with seatrial sign")
        return
    yield from unlike_a_file(ENVELOPE, entry)
    if entry.nature != "file":
        return
    if statement is None:
        yield Finding(ENVELOPE, "not checked", "the statement that it must hold cannot be made")
        return
    yield from _check_payload(path, statement)
    if public_key is not None:
        for problem in provenance.verify(path, statement, public_key):
            message = problem.replace(f"{subject.run.project}/", "")
            yield Finding(ENVELOPE, "signature", message.removeprefix(f"{ENVELOPE}: "))


def _check_payload(path: Path, statement: bytes) -> Findings:
    if read_plain(path) is None:
        yield Finding(ENVELOPE, "damaged", "it cannot be read")
        return
    try:
        held = provenance.holds(provenance.read_envelope(path), statement)
    except SeatrialError as error:
        yield Finding(ENVELOPE, "damaged", str(error).replace(f"{path}: ", ""))
        return
    if not held:
        message = "it holds another statement than the one that follows from the release"
        yield Finding(ENVELOPE, "signature", message)
