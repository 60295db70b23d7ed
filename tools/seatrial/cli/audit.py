"""``seatrial audit``: everything a run claims, held against its evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command

if TYPE_CHECKING:
    from seatrial.audit import Report


@click.command(name="audit")
@options.run_name
@click.option(
    "--remeasure",
    is_flag=True,
    help="Also evaluate the checkpoint and every export again; needs the data set and torch.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the data set lies, if not where the configuration says.",
)
@click.option(
    "--public-key",
    type=click.Path(path_type=Path),
    metavar="PEM",
    help="Require a signature of the release by this Ed25519 key.",
)
@options.allowed_signers
@options.revoked_keys
@options.as_json
def command(
    run_name: str | None,
    remeasure: bool,
    data: Path | None,
    public_key: Path | None,
    allowed_signers: Path | None,
    revoked_keys: Path | None,
    as_json: bool,
) -> int:
    """Hold a release against its evidence, trusting nothing: hash every file, render every
    document, judge every item and compute every figure again, and name each difference.

    RUN is an id, an end of one, or the path of a run's folder, wherever it was copied. Without it
    the published release is audited. Nothing is written. Ends with 0 if nothing was found, else 1.
    """
    from seatrial.audit import Asked, audit
    from seatrial.gates.approvals import find_trust

    if data is not None and not remeasure:
        raise click.UsageError("--data says where to measure again; give --remeasure too")
    project = Path.cwd()
    trust = find_trust(allowed_signers, project, revoked_keys=revoked_keys)
    asked = Asked(trust=trust, public_key=public_key, remeasure=remeasure, data=data)
    report = audit(project, run_name, asked)
    if as_json:
        click.echo(json.dumps(report.as_plain_data(), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(report)))
    return 1 if report.findings else 0


def _lines(report: Report) -> list[str]:
    found = [finding.line() for finding in report.findings]
    notes = [f"note: {note}" for note in report.notes]
    counts = (
        f"{report.files:,} files, {report.size_bytes:,} bytes, {report.documents} documents"
        f" rendered again, {report.verdicts} verdicts recomputed"
    )
    if report.remeasured is not None:
        counts += f", measured again: {', '.join(report.remeasured) or 'nothing'}"
    number = len(report.findings)
    result = "nothing found" if not found else f"{number} finding{'s' * (number != 1)}"
    digest = report.release_digest or "none"
    return [*found, *notes, f"run {report.run}: {result}; {counts}; release {digest}"]


if __name__ == "__main__":
    run_command(command)
