"""Runs a prepared run in this process or detached from it, and prints what comes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import click

from seatrial import finalize, steps
from seatrial.cli import reporting
from seatrial.cli.boundary import stop_request
from seatrial.evidence.manifests import RECORD
from seatrial.evidence.runs import Run
from seatrial.files import copy_file, read_json
from seatrial.finalize import Outcome
from seatrial.gates.approvals import NOBODY, Trust

_POLL_S = 0.02


def carry_out(
    run: Run,
    *,
    as_json: bool,
    names: Sequence[str] = steps.ORDER,
    afresh: Collection[str] = (),
    commit: bool = False,
    trust: Trust = NOBODY,
) -> Outcome:
    """Do the run in this process, with progress; the caller prints the end."""
    if not as_json:
        click.echo(reporting.opening(run))
    with stop_request() as stop:
        return finalize.proceed(
            run,
            names=names,
            afresh=afresh,
            observe=reporting.Observer(run, stop, as_json=as_json),
            stop=stop,
            commit=commit,
            trust=trust,
        )


def conclude(outcome: Outcome, *, as_json: bool) -> int:
    """Print the end of a run with a gate; the exit code."""
    if as_json:
        click.echo(reporting.as_json(outcome))
    elif outcome.gate is not None:
        click.echo("\n".join(reporting.closing(outcome)))
    return outcome.exit_code


def detach(run: Run, arguments: Sequence[str]) -> int:
    """Start ``seatrial finalize --resume RUN`` in a session of its own; its process id.

    What it would print goes to ``console.log`` in the run's folder. Returns once it holds the
    run, so that whoever asks next sees a run at work.

    :raises InputError: another process is at work on the run.
    """
    with run.lock():
        pass
    console = run.folder / "console.log"
    # -P: a folder of the project's, such as onnx/, must not stand in for a library of that name.
    command = [sys.executable, "-P", "-m", "seatrial.cli.finalize", "--resume", run.id, *arguments]
    with console.open("ab") as stream:
        process = subprocess.Popen(
            command,
            cwd=run.project,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    while not run.is_held() and process.poll() is None:
        time.sleep(_POLL_S)
    return process.pid


def conclude_step(
    outcome: Outcome, step: str, pattern: str, output: Path | None, *, as_json: bool
) -> int:
    """Copy the files of one step to a folder named by hand, and print its record or its place."""
    place = outcome.run.step(step)
    assert place is not None
    if output is not None:
        files = [path for path in sorted(place.folder.glob(pattern)) if path.is_file()]
        for path in files:
            copy_file(path, output / path.name)
    if as_json:
        record = read_json(place.folder / RECORD)
        document = {"run": outcome.run.id, "folder": str(place.folder), step: record}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo(f"\nfiles in {place.folder if output is None else output}")
    return 0
