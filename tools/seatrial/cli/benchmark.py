"""``seatrial benchmark``: latency, throughput, memory and size of exported files."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="benchmark")
@options.run_name
@options.config_path
@options.checkpoint
@options.as_json
def command(
    run_name: str | None, config_path: Path | None, checkpoint: Path | None, as_json: bool
) -> int:
    """Measure every exported file of a run in fresh processes, again.

    Without RUN: of the published release. With --config and --checkpoint: exports that
    checkpoint and measures it.
    """
    from seatrial.cli import preparing, running

    run, names = preparing.run_or_checkpoint(
        Path.cwd(), run_name, config_path, checkpoint, command="benchmark"
    )
    outcome = running.carry_out(run, as_json=as_json, names=names, afresh=("benchmark",))
    return running.conclude_step(outcome, "benchmark", "", None, as_json=as_json)


if __name__ == "__main__":
    run_command(command)
