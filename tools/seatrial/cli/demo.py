"""``seatrial demo``: the whole job on handwritten digits."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command


@click.command(name="demo")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="The folder to make the demo project in.",
)
@options.as_json
def command(output: Path, as_json: bool) -> int:
    """Train, release and judge a small model on the digits that come with scikit-learn.

    Ends with 0 if and only if every item of the checklist passes but the approval, which only
    a person can give.
    """
    from seatrial import demo
    from seatrial.cli import preparing, running

    project = output.resolve()
    demo.make(project)
    run, _ = preparing.prepare(project, project / demo.CONFIG, (), as_json=as_json)
    outcome = running.carry_out(run, as_json=as_json)
    running.conclude(outcome, as_json=as_json)
    if not as_json:
        click.echo("\nItem 24 is a person's to pass. What to open:")
        click.echo("\n".join(f"  {output / name}" for name in demo.WHAT_TO_OPEN))
    assert outcome.gate is not None
    return 0 if demo.only_approval_is_missing(outcome.gate) else 1


if __name__ == "__main__":
    run_command(command)
