"""``seatrial verify``: exported files against the model."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="verify")
@options.run_name
@options.config_path
@options.checkpoint
@options.as_json
def command(
    run_name: str | None, config_path: Path | None, checkpoint: Path | None, as_json: bool
) -> int:
    """Check every exported file of a run on the whole test set, again.

    Without RUN: of the published release. With --config and --checkpoint: exports that
    checkpoint and verifies it. Ends with 1 if a format fails.
    """
    from seatrial.cli import preparing, running

    run, names = preparing.run_or_checkpoint(
        Path.cwd(), run_name, config_path, checkpoint, command="verify"
    )
    outcome = running.carry_out(run, as_json=as_json, names=names, afresh=("verify",))
    running.conclude_step(outcome, "verify", "", None, as_json=as_json)
    verification = outcome.facts.verify
    return 0 if verification and all(f.passed for f in verification.formats) else 1


if __name__ == "__main__":
    run_command(command)
