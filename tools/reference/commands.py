"""Commands and exit codes, from click and from the errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from reference.markdown import paragraphs, table
from seatrial import errors
from seatrial.cli.main import COMMANDS, EXIT_CODES


def commands() -> list[str]:
    """Every command with its arguments and options."""
    lines = [
        "# Commands",
        "",
        "`seatrial --help` says the same, and `--help` after any command.",
        "",
    ]
    lines += ["| Command | What it does |", "| --- | --- |"]
    lines += [f"| [`seatrial {name}`](#seatrial-{name}) | {what} |" for name, what in _verbs()]
    lines += ["", "Each is also a script of its own: `python -m seatrial.cli.train --help`."]
    lines += ["What an exit code means: [exit codes](exit-codes.md)."]
    for name in COMMANDS:
        found = import_module(f"seatrial.cli.{name.replace('-', '_')}").command
        lines += _command(found, f"seatrial {name}")
    return lines


def _verbs() -> list[tuple[str, str]]:
    return list(COMMANDS.items())


def _command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path, parent=None)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (
        "",
        f"## {path}",
        "",
        "```text",
        f"{path} {usage}",
        "```",
        "",
        *paragraphs(command.help),
    )
    rows = [row for parameter in command.params if (row := _option(parameter))]
    if rows:
        yield from table(("Option", "Value", "Default", "Meaning"), rows)
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _command(below, f"{path} {name}")


def _option(parameter: click.Parameter) -> tuple[str, str, str, str] | None:
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return None
    name = ", ".join(f"`{text}`" for text in parameter.opts)
    default = parameter.default
    shown = str(default) if isinstance(default, (int, Path)) and not parameter.is_flag else ""
    meaning = parameter.help or ""
    return name, "" if parameter.is_flag else _values(parameter), shown, meaning


def _values(option: click.Option) -> str:
    kind = option.type
    if isinstance(kind, click.Choice):
        text = " ".join(f"`{choice}`" for choice in kind.choices)
    elif isinstance(kind, (click.IntRange, click.FloatRange)):
        text = f"number, at least {kind.min:g}" if kind.min is not None else "number"
    elif kind is click.FLOAT or kind is click.INT:
        text = "number"
    else:
        text = option.metavar or ("path" if isinstance(kind, click.Path) else "text")
    required = "; required" if option.required else ""
    return text + ("; may be repeated" if option.multiple else "") + required


def exit_codes() -> list[str]:
    """Every code, what it means, and the errors of the package that end with it."""
    documented = re.findall(r"^ +(\d+)  (.+)$", EXIT_CODES, re.MULTILINE)
    lines = [
        "# Exit codes",
        "",
        "One place in the program gives them, so every command uses them alike. An error is one",
        "line on stderr, which names the field or file, what was required, what was found, and",
        "what comes next; several problems of a configuration are one line each.",
    ]
    rows = [(code, meaning, _raised(int(code))) for code, meaning in documented]
    lines += table(("Code", "Meaning", "Error in `seatrial.errors`"), rows)
    lines += [
        "`seatrial demo` ends with 0 where every item passes but item 24, which only a person can",
        "pass; `seatrial status` with the run's code where it waits for it, else with 0.",
    ]
    return lines


def _raised(code: int) -> str:
    """The errors of the package that end with the code."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    own = {5: "any other; the traceback is shown"}
    names = [
        f"`{kind.__name__}`"
        for kind in kinds
        if issubclass(kind, errors.SeatrialError) and kind.exit_code == code and code not in own
    ]
    return ", ".join(names) or own.get(code, "")
