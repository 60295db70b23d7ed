"""Options that several commands share, defined once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from seatrial.gates.approvals import Trust

config_path = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration, a YAML file.",
)
checkpoint = click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint trained elsewhere: .pt (weights only) or .safetensors.",
)
output_dir = click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the files are copied to when done.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else."
)
allowed_signers = click.option(
    "--allowed-signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Whose approvals count; a file outside the repository.",
)
revoked_keys = click.option(
    "--revoked-keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keys that count no longer: a key revocation list, or public keys.",
)
run_name = click.argument("run_name", metavar="[RUN]", required=False)
overrides = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")


def of_trust(trust: Trust) -> list[str]:
    """The arguments that make another process trust the same files."""
    named = {"--allowed-signers": trust.allowed_signers, "--revoked-keys": trust.revoked_keys}
    return [word for name, path in named.items() if path is not None for word in (name, str(path))]
