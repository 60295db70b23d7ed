"""``outcome.json`` against the verdict, and the test ledger against the evaluation."""

from __future__ import annotations

import json
from datetime import datetime

from seatrial.audit.findings import Finding, Findings
from seatrial.audit.steps import Steps
from seatrial.audit.subject import Subject
from seatrial.audit.tree import read_plain
from seatrial.evidence.records import GateRecord
from seatrial.evidence.runs import RUNS
from seatrial.files import pretty_json
from seatrial.finalize import OUTCOME


def check_outcome(subject: Subject, steps: Steps, gate: GateRecord | None) -> Findings:
    """The run says that it ended, and with the code that its gate gives."""
    shown = f"{RUNS}/{subject.run.id}/{OUTCOME}"
    content = read_plain(subject.run.folder / OUTCOME)
    if content is None:
        yield Finding(shown, "missing", "the run has not said how it ended")
        return
    try:
        found = json.loads(content)
        written = pretty_json(found).encode() == content
    except (ValueError, RecursionError):
        written = False
    if not written or not isinstance(found, dict):
        yield Finding(shown, "damaged", "not written as Seatrial writes it")
        return
    expected = {"state": "finished", "exit_code": 0 if gate is None or gate.passed else 1}
    for name, value in expected.items():
        if found.get(name) != value:
            message = f"{name}: {value!r} follows from the verdict, found {found.get(name)!r}"
            yield Finding(shown, "outcome", message)
    if unknown := found.keys() - {*expected, "finished"}:
        yield Finding(shown, "outcome", f"not of an outcome: {', '.join(sorted(unknown))}")
    yield from _check_time(shown, found.get("finished"), steps)


def _check_time(shown: str, finished: object, steps: Steps) -> Findings:
    """It ended after its last step did. How long after, nothing else tells."""
    last = max((s.manifest.finished for s in steps.found.values() if s.manifest), default="")
    try:
        parsed = datetime.strptime(str(finished), "%Y-%m-%dT%H:%M:%SZ").strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
    except ValueError:
        parsed = ""
    if parsed != finished or parsed < last:
        message = f"finished: a time not before {last} required, found {finished!r}"
        yield Finding(shown, "outcome", message)
