"""Runs a prepared run in this process or detached from it, and prints what comes of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from seatrial import finalize, steps
from seatrial.cli import reporting
from seatrial.cli.boundary import stop_request
from seatrial.evidence.runs import Run
from seatrial.finalize import Outcome


def carry_out(
    run: Run,
    *,
    as_json: bool,
    names: Sequence[str] = steps.ORDER,
    commit: bool = False,
) -> Outcome:
    """Do the run in this process, with progress; the caller prints the end."""
    if not as_json:
        click.echo(reporting.opening(run))
    with stop_request() as stop:
        return finalize.proceed(
            run,
            names=names,
            observe=reporting.Observer(run, stop, as_json=as_json),
            stop=stop,
            commit=commit,
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

    What it would print goes to ``console.log`` in the run's folder.
    """
    console = run.folder / "console.log"
    command = [sys.executable, "-m", "seatrial.cli.finalize", "--resume", run.id, *arguments]
    with console.open("ab") as stream:
        process = subprocess.Popen(
            command,
            cwd=run.project,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    return process.pid


def copy_out(outcome: Outcome, files: dict[str, Path], output: Path) -> None:
    """Copy a step's files to a folder named by hand, and say so."""
    from seatrial.files import copy_file

    for name, source in files.items():
        copy_file(source, output / name)
    click.echo(f"{len(files)} files in {output}, from run {outcome.run.id}", err=True)
