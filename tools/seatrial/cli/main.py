"""``seatrial``: the group of all commands. A command is imported when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from seatrial import __version__
from seatrial.cli.boundary import run

COMMANDS = {
    "demo": "Run the whole job on handwritten digits.",
    "finalize": "Take a configuration to a release and judge it.",
    "status": "Show how a run stands.",
    "train": "Train a model.",
    "evaluate": "Evaluate a checkpoint on the held-out test set.",
    "export": "Export a checkpoint to deployment formats.",
    "verify": "Check exported files against the model.",
    "benchmark": "Measure latency, memory and size of exported files.",
    "document": "Render the documents of a run again.",
    "gate": "Judge the checklist of a run again.",
    "approve": "Sign a release as a person who answers for it.",
    "approvals": "List the approvals of a release, and verify them.",
    "audit": "Hold a release against its evidence, trusting nothing.",
    "sign": "Sign what the published release was made of.",
    "predict": "Answer for images from an exported file, without torch.",
    "load-test": "Put an exported file under load.",
    "config": "Check a configuration or print its schema.",
}
"""Every command and what it does, in the order of the work."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"seatrial.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # click's own message for an unknown command does not name the nearest one.
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


EXIT_CODES = """\b
Exit codes:
  0  done and passed
  1  a gate or comparison says no
  2  bad usage or configuration
  3  bad or missing input data or artifact
  4  training failed
  5  a bug in Seatrial
  130  interrupted"""


@click.group(
    name="seatrial",
    cls=LazyGroup,
    help="Take a model to a release whose every claim is proved.",
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="seatrial")
def command() -> None:
    """The group itself does nothing."""


def main() -> None:
    """The entry point of the ``seatrial`` script."""
    run(command)


if __name__ == "__main__":
    main()
