"""``seatrial status``: how a run stands, or how it ended."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from seatrial.cli import options
from seatrial.cli.boundary import INTERRUPTED
from seatrial.cli.boundary import run as run_command


@click.command(name="status")
@options.run_name
@click.option("--wait", is_flag=True, help="Wait until the run has ended; exit with its code.")
@click.option(
    "--timeout", type=click.FloatRange(0, 1e9), help="With --wait: stop waiting after SECONDS."
)
@options.as_json
def command(run_name: str | None, wait: bool, timeout: float | None, as_json: bool) -> int:
    """Show step, epoch, metrics and time left of a run, or its outcome.

    Without RUN: of the latest. With --wait the exit code is the run's, 130 if it was killed; 0 if
    it still runs when the time is up.
    """
    from seatrial import status
    from seatrial.evidence import runs

    if timeout is not None and math.isnan(timeout):
        raise click.UsageError("--timeout: seconds required, nan given")
    run = runs.find(Path.cwd(), run_name)
    found = status.wait(run, timeout) if wait else status.of(run)
    document = found.model_dump(mode="json")
    click.echo(json.dumps(document, indent=2) if as_json else "\n".join(_lines(document)))
    if not wait:
        return 0
    return INTERRUPTED if found.state == "stopped" else found.exit_code or 0


def _lines(found: dict[str, Any]) -> list[str]:
    from seatrial.cli.progress import bar_line, duration, epoch_line

    lines = [f"run {found['run']} · {found['state']}"]
    for step in found["steps"]:
        seconds = f"  {duration(step['seconds'])}" if step["seconds"] is not None else ""
        lines.append(f"  {step['step']:<10} {step['state']}{seconds}")
    if found["epoch"] is not None:
        lines.append(epoch_line(found["epoch"]))
    if found["progress"] is not None:
        lines.append(bar_line(found["progress"]))
    if found["exit_code"] is not None:
        lines.append(f"exit code {found['exit_code']}")
    lines += [line for line in (found["message"], found["next"]) if line]
    if found["release_cut_short"] is not None:
        lines.append(
            f"publishing run {found['release_cut_short']} was cut short: the published files may "
            f"be of two releases; seatrial finalize --resume {found['release_cut_short']}"
        )
    return lines


if __name__ == "__main__":
    run_command(command)
