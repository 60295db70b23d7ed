"""Every document rendered again from the facts and compared with what lies there, byte by byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import takewhile
from pathlib import Path

from seatrial import provenance, reports
from seatrial.audit.findings import Finding, Findings, short
from seatrial.audit.subject import RUN_ID, Subject
from seatrial.audit.tree import read_plain
from seatrial.errors import SeatrialError
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord
from seatrial.evidence.runs import RUNS

_SHOWN, _BEFORE = 60, 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Rendered:
    """The documents as they follow from the facts, by published path."""

    def __init__(self, facts: Facts, gate: GateRecord | None) -> None:
        before = before_documents(facts)
        self.problems: list[Finding] = []
        self.of: dict[str, dict[str, bytes]] = {"document": {}, "gate": {}}
        self._render("document", lambda: _encoded(reports.render_documents(before)))
        self._render("document", lambda: _statement(before))
        if gate is not None:
            self._render("gate", lambda: _encoded(reports.render_verdict_documents(facts, gate)))

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.of.values()))

    def _render(self, step: str, render: Callable[[], Mapping[str, bytes]]) -> None:
        try:
            self.of[step] |= render()
        except Exception as error:  # facts that were forged may break any sentence
            message = f"cannot be rendered again: {type(error).__name__}: {error}"
            self.problems.append(Finding(step, "not checked", message))


def check_documents(subject: Subject, facts: Facts, rendered: Rendered) -> Findings:
    """Where the step's or the published document is not the rendered one."""
    run = subject.run
    yield from (
        Finding(f"{RUNS}/{run.id}/{problem.path}", problem.kind, problem.message)
        for problem in rendered.problems
    )
    for step, documents in rendered.of.items():
        for name, content in documents.items():
            shown = f"{RUNS}/{run.id}/{step}/{name}"
            yield from _compare(run.folder / step / name, shown, content, facts)
            if subject.published:
                yield from _compare(run.project / name, name, content, facts)


def before_documents(facts: Facts) -> Facts:
    """The facts as the document step had them: without itself."""
    steps = {name: step for name, step in facts.steps.items() if name != "document"}
    return facts.model_copy(update={"documents": None, "steps": steps})


def _encoded(documents: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in documents.items()}


def _statement(facts: Facts) -> dict[str, bytes]:
    if facts.release_digest is None:
        return {}
    return {provenance.STATEMENT: provenance.to_json_bytes(provenance.statement(facts))}


def _compare(path: Path, shown: str, rendered: bytes, facts: Facts) -> Findings:
    found = read_plain(path)
    if found is None or found == rendered:
        return  # one that is missing is named with the files
    if (other := _said_of(found, facts)) is not None:
        yield Finding(shown, "stale", f"{other}; {_first_difference(rendered, found)}")
    else:
        yield Finding(shown, "document", _first_difference(rendered, found))


def _said_of(content: bytes, facts: Facts) -> str | None:
    """Of which run and release a document says that it is, if not of this one."""
    text = content.decode(errors="replace")
    head = "\n".join(line for line in text.splitlines() if line.startswith("| R"))
    run, digest = RUN_ID.search(head), _DIGEST.search(head)
    other_run = run is not None and run[0] != facts.run.id
    other_release = digest is not None and digest[0] != facts.release_digest
    if not (other_run or other_release):
        return None
    which = f"run {run[0] if run else 'unknown'}, release {digest[0] if digest else 'unknown'}"
    return f"it says that it is of {which}; required {facts.run.id}, {short(facts.release_digest)}"


def _first_difference(rendered: bytes, found: bytes) -> str:
    first, second = rendered.split(b"\n"), found.split(b"\n")
    lines = zip(first, second, strict=False)
    at = next((n for n, (a, b) in enumerate(lines) if a != b), min(len(first), len(second)))
    required = first[at].decode(errors="replace") if at < len(first) else None
    there = second[at].decode(errors="replace") if at < len(second) else None
    pairs = zip(required or "", there or "", strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = max(0, same - _BEFORE)
    return (
        f"line {at + 1}: {_window(required, start)} follows from the facts,"
        f" found {_window(there, start)}"
    )


def _window(line: str | None, start: int) -> str:
    """What of a line is told: from a little before the first difference."""
    if line is None:
        return "no line"
    shown = line[start : start + _SHOWN]
    before, after = "…" * (start > 0), "…" * (start + _SHOWN < len(line))
    return repr(f"{before}{shown}{after}")


def read_problem(error: Exception) -> str:
    """Why facts could not be read, on one line."""
    return str(error) if isinstance(error, SeatrialError) else f"{type(error).__name__}: {error}"
