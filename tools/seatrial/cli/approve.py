"""``seatrial approve``: a person's signature under a judged release."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command

if TYPE_CHECKING:
    from seatrial.config.schema import Role
    from seatrial.gates.approvals import Trust
    from seatrial.gates.approvals.recording import Judged


@click.command(name="approve")
@options.run_name
@click.option(
    "--role",
    type=click.Choice(["technical", "product", "compliance"]),
    required=True,
    help="In what capacity you sign.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="Your SSH key; a public key signs through your agent.",
)
@click.option("--note", default="", help="One line that is signed too.")
@click.option("--yes", is_flag=True, help="Do not ask; required where there is no terminal.")
@options.allowed_signers
@options.revoked_keys
@options.as_json
def command(
    run_name: str | None,
    role: Role,
    key: Path,
    note: str,
    yes: bool,
    allowed_signers: Path | None,
    revoked_keys: Path | None,
    as_json: bool,
) -> int:
    """Sign that you have seen a release and answer for it, in a role. A person's act.

    Without RUN: the published release. Shows what is approved, after hashing and judging it anew,
    and asks. Writes approvals/DIGEST/ROLE.json and ROLE.json.sig; seatrial gate counts them. Ends
    with 1 if it was signed but would not count here.
    """
    from seatrial import reports
    from seatrial.cli import preparing
    from seatrial.gates.approvals import Trust, find_trust, keys, recording

    project = Path.cwd()
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(
            "there is no terminal to ask on: look at what is approved with seatrial approvals, "
            "then say --yes"
        )
    trust = find_trust(allowed_signers, project, revoked_keys=revoked_keys)
    judged = recording.find_judged(preparing.released_run(project, run_name))
    held = keys.how_held(key)
    click.echo("\n".join(reports.what_is_approved(judged.facts, judged.gate)), err=as_json)
    click.echo(f"{'key':<10} {keys.name_of(key)}, {reports.HELD[held]}", err=as_json)
    for warning in _warnings(judged, trust, role):
        click.echo(f"{'note':<10} {warning}", err=as_json)
    if not yes:
        click.confirm(f"\nApprove this release as {role}?", abort=True, err=as_json)
    path = recording.sign(judged, role, key, note)
    name = path.relative_to(project).as_posix()
    given = Trust(allowed_signers, revoked_keys)
    words = ["seatrial", "gate", *([run_name] if run_name else []), *options.of_trust(given)]
    return _conclude(judged, trust, role, name, shlex.join(words), as_json=as_json)


def _warnings(judged: Judged, trust: Trust, role: Role) -> list[str]:
    """What somebody who signs now should know first."""
    found = []
    if role not in judged.facts.config.approvals.required:
        found.append(f"approvals.required does not ask for the role {role}")
    others = [item for item in judged.gate.items if item.verdict != "PASS" and item.id != 24]
    if any(item.waiver is None for item in others):
        found.append("other items fail, which your signature will say; the gate stays not ready")
    earlier = [record for record in judged.approvals(trust) if record.role == role]
    if earlier:
        who = earlier[0].signer or "somebody not known"
        found.append(f"this replaces the approval by {who} of {earlier[0].date or 'no date'}")
    return found


def _conclude(
    judged: Judged, trust: Trust, role: Role, path: str, following: str, *, as_json: bool
) -> int:
    from seatrial import reports

    records = judged.approvals(trust)
    (record,) = [record for record in records if record.role == role]
    if as_json:
        document = {
            "run": judged.run.id,
            "release_digest": judged.gate.release_digest,
            "statement": path,
            "signature": f"{path}.sig",
            "approval": record.model_dump(mode="json"),
            "signers_sha256": trust.signers_sha256,
            "next": following,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo(f"\nsigned: {path}, {path}.sig\n")
        click.echo("\n".join(reports.approval_lines([record], trust.signers_sha256)))
        click.echo(f"\nnext: {following}")
    return 0 if record.counts or trust.signers is None else 1


if __name__ == "__main__":
    run_command(command)
