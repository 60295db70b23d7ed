"""``outcome.json`` against the verdict, and the test ledger against the evaluation."""

from __future__ import annotations

import json
from datetime import datetime

from seatrial.audit.figures import differing
from seatrial.audit.findings import Finding, Findings
from seatrial.audit.steps import Steps, required_steps
from seatrial.audit.subject import Subject
from seatrial.audit.tree import digest_plain, read_plain
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.records import GateRecord
from seatrial.evidence.runs import RECORD, RUNS
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
    passed = gate is None or gate.passed  # a message says why it was not published all the same
    expected = {
        "state": "finished",
        "exit_code": 0 if passed and not isinstance(found.get("message"), str) else 1,
        "run_sha256": digest_plain(subject.run.folder / RECORD),
        "manifests": _manifests(subject.run.id, steps, found.get("manifests")),
    }
    for name, value in expected.items():
        for where, required, there in differing(value, found.get(name), name):
            message = f"{where}: {required} follows from the run's files, {there} found"
            yield Finding(shown, "outcome", message)
    yield from _check_sealed(shown, found.get("manifests"), steps)
    if unknown := found.keys() - {*expected, "finished", "message"}:
        yield Finding(shown, "outcome", f"not of an outcome: {', '.join(sorted(unknown))}")
    yield from _check_time(shown, found.get("finished"), steps)


def _check_sealed(shown: str, sealed: object, steps: Steps) -> Findings:
    """Nothing follows the last manifest of a run but its outcome."""
    if not isinstance(sealed, dict):
        return
    for name, step in steps.found.items():
        required, digest = sealed.get(name), step.manifest_sha256
        if required is not None and digest is not None and required != digest:
            message = f"SHA-256 {str(required)[:12]} required by {shown}, {digest[:12]} found"
            yield Finding(f"{step.shown}/{MANIFEST}", "changed", message)


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


def _manifests(run: str, steps: Steps, recorded: object) -> dict[str, object]:
    """By step, the digest that its manifest has; of one that is missing, which is a finding
    already, what is recorded."""
    known = recorded if isinstance(recorded, dict) else {}
    lacking = [name for name in required_steps(run) if name not in steps.found and name in known]
    here = {name: step.manifest_sha256 or known.get(name) for name, step in steps.found.items()}
    return here | {name: known[name] for name in lacking}
