"""The test ledger: whether the evaluation stands in it, and whether anything went from it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from seatrial.audit.chain import read_origin
from seatrial.audit.comparing import unlike_a_file
from seatrial.audit.findings import Finding, Findings
from seatrial.audit.steps import Steps
from seatrial.audit.subject import Subject
from seatrial.audit.tree import look, read_plain
from seatrial.errors import SeatrialError
from seatrial.evaluation import read_ledger
from seatrial.evaluation.ledger import LEDGER, LedgerEntry
from seatrial.evidence.manifests import RECORD
from seatrial.evidence.records import EvaluationRecord
from seatrial.evidence.runs import RUNS, Run

EVALUATE = "evaluate"


def check_ledger(subject: Subject, steps: Steps) -> Findings:
    """The ledger beside the run: required in a project, looked at elsewhere if it is there.

    Lines of runs that are not here are counted and no more: nothing here says what they must hold.
    """
    step, path = steps.found.get(EVALUATE), subject.run.project / LEDGER
    entry = look(path)
    if step is None:
        return
    if entry is None:
        if subject.in_project:
            yield Finding(LEDGER, "missing", f"run {step.run} was evaluated, so it has an entry")
        return
    yield from unlike_a_file(LEDGER, entry)
    if entry.nature != "file":
        return
    try:
        entries = read_ledger(path)
    except SeatrialError as error:
        yield Finding(LEDGER, "damaged", str(error).replace(f"{subject.run.project}/", ""))
        return
    yield from _check_entries(subject, entries)
    record = _evaluated(Run(subject.run.project, step.run))
    if record is not None:
        yield from _check_count(entries, record, step.run)


def _evaluated(run: Run) -> EvaluationRecord | None:
    """What a run's evaluation recorded; None where it cannot be read, which is named elsewhere."""
    content = read_plain(run.folder / EVALUATE / RECORD)
    try:
        return EvaluationRecord.model_validate_json(content or b"")
    except ValidationError:
        return None


def _check_entries(subject: Subject, entries: Sequence[LedgerEntry]) -> Findings:
    for number, entry in enumerate(entries, start=1):
        if entry.run.split("-", 1)[0] != re.sub("[-:]", "", entry.date):
            message = f"line {number}: run {entry.run} did not begin on {entry.date}"
            yield Finding(LEDGER, "ledger", message)
        run = Run(subject.run.project, entry.run)
        made, record = read_origin(run.folder).record, _evaluated(run)
        if made is None or record is None:
            continue
        expected = {"test_set": record.test_digest, "date": made.started}
        expected |= {"weights": record.weights_sha256} if record.weights_sha256 else {}
        for name, value in expected.items():
            if (found := getattr(entry, name)) != value:
                message = f"line {number}, {name}: {value} in {RUNS}/{run.id}, found {found}"
                yield Finding(LEDGER, "ledger", message)


def _check_count(entries: Sequence[LedgerEntry], record: EvaluationRecord, run: str) -> Findings:
    pairs = list(dict.fromkeys((entry.weights, entry.test_set) for entry in entries))
    own = next(
        (
            number
            for number, pair in enumerate(pairs, start=1)
            if pair == (record.weights_sha256 or pair[0], record.test_digest)
        ),
        None,
    )
    if own is None:
        yield Finding(LEDGER, "ledger", f"no entry of the weights and test set of run {run}")
    if len(pairs) < record.ledger_count:
        message = (
            f"{record.ledger_count} evaluations or more required, as {EVALUATE}/{RECORD} of run"
            f" {run} counted, {len(pairs)} found: a line was removed"
        )
        yield Finding(LEDGER, "ledger", message)
