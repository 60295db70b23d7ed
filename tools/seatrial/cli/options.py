"""Options that several commands share, defined once."""

from __future__ import annotations

from pathlib import Path

import click

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
run_name = click.argument("run_name", metavar="[RUN]", required=False)
overrides = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
