"""``seatrial approvals``: which signatures a release has, and which of them count."""

from __future__ import annotations

import json
from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="approvals")
@options.run_name
@options.allowed_signers
@options.revoked_keys
@options.as_json
def command(
    run_name: str | None, allowed_signers: Path | None, revoked_keys: Path | None, as_json: bool
) -> int:
    """Show what is up for approval and every approval of it, verified now.

    Without RUN: the published release. The release is hashed and judged anew first. Prints the
    file of allowed signers with its digest: compare it with the one that your team keeps. Ends
    with 0 only if every required role has an approval that counts.
    """
    from seatrial import reports
    from seatrial.cli import preparing
    from seatrial.gates.approvals import find_trust, missing, recording

    project = Path.cwd()
    trust = find_trust(allowed_signers, project, revoked_keys=revoked_keys)
    judged = recording.find_judged(preparing.released_run(project, run_name))
    records = judged.approvals(trust)
    required = judged.facts.config.approvals.required
    lacking = missing(required, records)
    if as_json:
        document = {
            "run": judged.run.id,
            "release_digest": judged.gate.release_digest,
            "decision": judged.gate.decision,
            "required": list(required),
            "missing": lacking,
            "approvals": [record.model_dump(mode="json") for record in records],
            "allowed_signers": None if trust.signers is None else str(trust.allowed_signers),
            "signers_sha256": trust.signers_sha256,
            "revoked_keys": None if trust.revoked is None else str(trust.revoked_keys),
            "revoked_sha256": trust.revoked_sha256,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(reports.what_is_approved(judged.facts, judged.gate)) + "\n")
        click.echo("\n".join(reports.approval_lines(records, trust.signers_sha256)))
        if trust.allowed_signers is not None:
            click.echo(f"{'':<10} {trust.allowed_signers}")
        if trust.revoked_keys is not None:
            click.echo(f"{'revoked':<10} {trust.revoked_sha256}\n{'':<10} {trust.revoked_keys}")
        click.echo(f"{'missing':<10} {', '.join(lacking) or 'none'}")
    return 1 if lacking or not required else 0


if __name__ == "__main__":
    run_command(command)
