"""``seatrial train``: the data report and the training alone."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="train")
@options.config_path
@click.option("--resume", metavar="RUN", help="Continue a run where it was.")
@options.output_dir
@options.as_json
@options.overrides
def command(
    config_path: Path | None,
    resume: str | None,
    output_dir: Path | None,
    as_json: bool,
    overrides: tuple[str, ...],
) -> int:
    """Train a model and keep its checkpoints.

    Several processes: torchrun --nproc-per-node N -m seatrial train --config FILE, or
    training.devices=N to have them started.
    """
    from seatrial.cli import preparing, running
    from seatrial.cli.boundary import stop_request
    from seatrial.evidence import runs
    from seatrial.training import following, processes

    project = Path.cwd()
    if processes.rank() > 0:
        with stop_request() as stop:
            stop.training = True
            following.follow(project, stop)
        return 0
    try:
        if resume is None:
            config_path = preparing.required(config_path)
            run, _ = preparing.prepare(project, config_path, overrides, command="train")
        else:
            preparing.refuse_beside_resume(config_path, overrides)
            run = runs.find(project, resume)
        outcome = running.carry_out(run, as_json=as_json, names=("data", "train"))
    finally:
        following.dismiss()
    return running.conclude_step(outcome, "train", "checkpoints/*", output_dir, as_json=as_json)


if __name__ == "__main__":
    run_command(command)
