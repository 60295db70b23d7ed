"""``seatrial gate``: judges a run's checklist again and publishes the verdict."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="gate")
@options.run_name
@options.as_json
def command(run_name: str | None, as_json: bool) -> int:
    """Judge all items of the checklist again, from the evidence on disk, and publish the verdict.

    Without RUN: of the published release. Ends with 0 only if all items pass or are waived.
    """
    from seatrial.cli import preparing, running

    run = preparing.prepare_again(Path.cwd(), run_name, "gate")
    outcome = running.carry_out(run, as_json=as_json, names=("document", "gate"))
    return running.conclude(outcome, as_json=as_json)


if __name__ == "__main__":
    run_command(command)
