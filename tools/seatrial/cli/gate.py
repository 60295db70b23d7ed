"""``seatrial gate``: judges a run's checklist again and publishes the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="gate")
@options.run_name
@options.allowed_signers
@options.revoked_keys
@options.as_json
def command(
    run_name: str | None, allowed_signers: Path | None, revoked_keys: Path | None, as_json: bool
) -> int:
    """Judge all items of the checklist again, from the evidence on disk, and publish the verdict.

    Without RUN: of the published release. Ends with 0 only if all items pass or are waived.
    --json prints what gate.json holds.
    """
    from seatrial import gates
    from seatrial.cli import preparing, running
    from seatrial.gates.approvals import find_trust

    trust = find_trust(allowed_signers, Path.cwd(), revoked_keys=revoked_keys)
    run = preparing.prepare_again(Path.cwd(), run_name, "gate")
    outcome = running.carry_out(run, as_json=as_json, names=("document", "gate"), trust=trust)
    if not as_json:
        return running.conclude(outcome, as_json=False)
    assert outcome.gate is not None
    click.echo(json.dumps(gates.to_json(outcome.gate), indent=2, ensure_ascii=False))
    return outcome.exit_code


if __name__ == "__main__":
    run_command(command)
