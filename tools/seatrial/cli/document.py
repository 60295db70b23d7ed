"""``seatrial document``: renders a run's documents again and publishes them."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="document")
@options.run_name
@click.option("--commit", is_flag=True, help="Commit the documents, and only them.")
@options.allowed_signers
@options.revoked_keys
@options.as_json
def command(
    run_name: str | None,
    commit: bool,
    allowed_signers: Path | None,
    revoked_keys: Path | None,
    as_json: bool,
) -> int:
    """Render the documents of a run again, judge it, and publish both.

    Without RUN: of the published release. The exit code is the gate's.
    """
    from seatrial.cli import preparing, running
    from seatrial.gates.approvals import find_trust

    trust = find_trust(allowed_signers, Path.cwd(), revoked_keys=revoked_keys)
    run = preparing.prepare_again(Path.cwd(), run_name, "document")
    names = ("document", "gate")
    outcome = running.carry_out(run, as_json=as_json, names=names, commit=commit, trust=trust)
    return running.conclude(outcome, as_json=as_json)


if __name__ == "__main__":
    run_command(command)
