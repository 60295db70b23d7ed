"""``seatrial config``: checks a configuration, or prints its schema."""

from __future__ import annotations

import json
from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.group(name="config")
def command() -> None:
    """Check a configuration or print its schema."""


@command.command(name="check")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@options.overrides
def check(path: Path, overrides: tuple[str, ...]) -> int:
    """Print the resolved configuration, or every problem in it (exit code 2)."""
    from seatrial.config import strict_yaml
    from seatrial.config.load import load

    click.echo(strict_yaml.dump(load(path, overrides).model_dump(mode="json")), nl=False)
    return 0


@command.command(name="schema")
def schema() -> int:
    """Print the JSON Schema of a configuration, for editors."""
    from seatrial.config.schema import Config

    click.echo(json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    run_command(command)
