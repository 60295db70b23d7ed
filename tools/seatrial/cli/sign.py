"""``seatrial sign``: a person's signature on what the published release was made of."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="sign")
@options.run_name
@click.option(
    "--key",
    "key_path",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PEM",
    help="An Ed25519 private key, kept outside the repository.",
)
@options.as_json
def command(run_name: str | None, key_path: Path, as_json: bool) -> None:
    """Sign the statement of how the published release was made.

    Every file of the release is compared with its run first; a changed one is never signed. A
    signature by another key is added, one by the same key replaced. With RUN: only if that run
    is of the published release.
    """
    from seatrial import provenance, signing

    signer = provenance.read_private_key(key_path, lambda: _passphrase(key_path))
    signed = signing.sign_release(Path.cwd(), signer, run_name)
    if as_json:
        document = {**dataclasses.asdict(signed), "envelope": provenance.ENVELOPE}
        click.echo(json.dumps(document, indent=2))
        return
    count = len(signed.signatures)
    click.echo(f"release {signed.release_digest} of run {signed.run}")
    click.echo(f"signed by key {signed.keyid}")
    click.echo(f"{provenance.ENVELOPE}: {count} signature{'' if count == 1 else 's'}")


def _passphrase(key_path: Path) -> bytes:
    from seatrial.errors import InputError

    if not sys.stdin.isatty():
        raise InputError(
            f"{key_path}: its passphrase is asked for on a terminal, and there is none; run "
            "seatrial sign from one"
        )
    answer: str = click.prompt(f"passphrase of {key_path.name}", hide_input=True, err=True)
    return answer.encode()


if __name__ == "__main__":
    run_command(command)
