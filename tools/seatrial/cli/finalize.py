"""``seatrial finalize``: from a configuration to a release and its verdict."""

from __future__ import annotations

import json
from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="finalize")
@options.config_path
@click.option("--export-only", is_flag=True, help="Take over the last training; train nothing.")
@options.checkpoint
@click.option("--detach", is_flag=True, help="Return at once; follow with seatrial status.")
@click.option("--resume", metavar="RUN", help="Continue a run where it was.")
@click.option("--commit", is_flag=True, help="Commit the documents, and only them.")
@options.allowed_signers
@options.revoked_keys
@options.as_json
@options.overrides
def command(
    config_path: Path | None,
    export_only: bool,
    checkpoint: Path | None,
    detach: bool,
    resume: str | None,
    commit: bool,
    allowed_signers: Path | None,
    revoked_keys: Path | None,
    as_json: bool,
    overrides: tuple[str, ...],
) -> int:
    """Train, evaluate, export, verify, measure, document and judge a model.

    Without --config, configs/final_config.yaml is made from the best configuration that an
    earlier gate vouches for. KEY=VALUE overrides a value, as in training.epochs=5. Ends with 0
    only if all items of the checklist pass or are waived.
    """
    from seatrial import finalize
    from seatrial.cli import preparing, running
    from seatrial.evidence import runs
    from seatrial.gates.approvals import find_trust

    project = Path.cwd()
    trust = find_trust(allowed_signers, project, revoked_keys=revoked_keys)
    if resume is not None:
        preparing.refuse_beside_resume(config_path, export_only, checkpoint, overrides)
        run = runs.find(project, resume)
        pinned = None
    else:
        run, pinned = preparing.prepare(
            project,
            config_path,
            overrides,
            checkpoint=checkpoint,
            export_only=export_only,
            as_json=as_json,
        )
    if pinned:
        finalize.take_over(run, pinned)
    if detach:
        running.detach(run, [*(["--commit"] if commit else []), *options.of_trust(trust)])
        message = f"run {run.id} goes on by itself; follow it with seatrial status {run.id} --wait"
        click.echo(json.dumps({"run": run.id}) if as_json else message)
        return 0
    outcome = running.carry_out(run, as_json=as_json, commit=commit, trust=trust)
    return running.conclude(outcome, as_json=as_json)


if __name__ == "__main__":
    run_command(command)
