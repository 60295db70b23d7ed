"""What a command prints on stdout while a run goes on and when it has ended."""

from __future__ import annotations

import json
from typing import Any

import click

from seatrial.cli.boundary import StopRequest
from seatrial.cli.progress import Progress
from seatrial.evidence.reading import read_facts
from seatrial.evidence.runs import Run
from seatrial.finalize import Outcome


class Observer:
    """Follows a run for a person: a line a step on stdout, progress on stderr."""

    def __init__(self, run: Run, stop: StopRequest, *, as_json: bool) -> None:
        self.run = run
        self.stop = stop
        self.as_json = as_json
        self.progress = Progress()

    def __call__(self, event: dict[str, object]) -> None:
        self.stop.notice(event)
        self.progress(event)
        if event.get("event") == "step" and event["state"] != "started" and not self.as_json:
            for line in self._line(str(event["step"]), str(event["state"])):
                click.echo(line)

    def _line(self, step: str, state: str) -> list[str]:
        from seatrial import reports

        if step == "gate":
            return []  # the verdict comes last, with what was published
        line = reports.line_for(step, read_facts(self.run))
        return [line if state == "finished" else f"{line}  ({state})"]


def opening(run: Run) -> str:
    """The first line: run, configuration, commit."""
    record = run.record()
    git = record.git
    if git.commit is None:
        state = git.reason or "no commit"
    else:
        changed = f"{len(git.dirty)} files changed" if git.dirty else "clean"
        state = f"commit {git.commit[:7]}, {changed}"
    return f"run {run.id} · config {record.config_sha256[:6]} · {state}\n"


def closing(outcome: Outcome) -> list[str]:
    """The summary after the gate: verdicts, target, decision, what to open."""
    from seatrial import reports

    assert outcome.gate is not None
    lines = reports.summary_lines(outcome.facts, outcome.gate)
    if outcome.not_published is not None:
        lines += ["", outcome.not_published]
    if outcome.committed:
        lines.append(f"documents committed as {outcome.committed[:7]}")
    return lines


def as_json(outcome: Outcome) -> str:
    """The outcome as one JSON document."""
    from seatrial import gates

    document: dict[str, Any] = {
        "run": outcome.run.id,
        "exit_code": outcome.exit_code,
        "release_digest": outcome.facts.release_digest,
        "published": list(outcome.published),
        "superseded_by": outcome.superseded_by,
        "committed": outcome.committed,
        "gate": None if outcome.gate is None else gates.to_json(outcome.gate),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
