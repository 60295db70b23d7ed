"""``seatrial evaluate``: a checkpoint on the held-out test set."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="evaluate")
@options.config_path
@options.checkpoint
@options.output_dir
@options.as_json
@options.overrides
def command(
    config_path: Path | None,
    checkpoint: Path | None,
    output_dir: Path | None,
    as_json: bool,
    overrides: tuple[str, ...],
) -> int:
    """Evaluate a checkpoint on the test set that the configuration describes.

    Every distinct pair of weights and test set is entered in results/test_ledger.jsonl.
    """
    from seatrial.cli import preparing, running

    run, _ = preparing.prepare(
        Path.cwd(),
        preparing.required(config_path),
        overrides,
        command="evaluate",
        checkpoint=preparing.required_checkpoint(checkpoint),
    )
    names = ("data", "train", "evaluate")
    outcome = running.carry_out(run, as_json=as_json, names=names)
    return running.conclude_step(outcome, "evaluate", "*", output_dir, as_json=as_json)


if __name__ == "__main__":
    run_command(command)
