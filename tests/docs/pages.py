"""What Markdown pages hold: blocks and spans of code, and the commands and keys in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, get_args

import click
from pydantic import BaseModel

from seatrial.cli.main import COMMANDS
from seatrial.config import strict_yaml
from seatrial.config.load import check, merged, parse_overrides
from seatrial.config.schema import Config

_FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)((?: {4}\S.*\n(?:\n(?= {4}\S))?)+)")
_SPAN = re.compile(r"`([^`\n]+)`")
_ENDS_A_COMMAND = {"|", "&&", "||", ";", ">", "<", "2>"}
BASE: dict[str, Any] = {
    "model": {"architecture": "resnet18"},
    "data": {"source": "folder", "root": "photos", "image_size": 32},
}
"""The least that a snippet of a configuration, or an override, stands in."""


@dataclass(frozen=True)
class Block:
    """A block of code; an indented one is of the language ``indented``."""

    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """Every block of code of a page, fenced or indented."""
    found = []
    for match in _FENCE.finditer(page):
        indent = len(match[1])
        lines = [line[indent:] for line in match[3].splitlines()]
        found.append(Block(match[2], "\n".join(lines) + "\n"))
    rest = _FENCE.sub("", page)
    found += [
        Block("indented", "\n".join(line[4:] for line in match[1].splitlines()) + "\n")
        for match in _INDENTED.finditer(rest)
    ]
    return found


def spans(page: str) -> list[str]:
    """Every span of code outside of blocks."""
    return [match[1] for match in _SPAN.finditer(_FENCE.sub("", page))]


def commands(block: Block) -> Iterator[list[str]]:
    """The commands of a block as words: those after ``$`` of a console, all of a script."""
    if block.language not in ("sh", "console", "indented"):
        return
    for line in block.text.replace("\\\n", " ").splitlines():
        if block.language == "console":
            if not line.startswith("$ "):
                continue
            line = line[2:]
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue  # prose or output in an indented block
        yield from _simple(words)


def _simple(words: list[str]) -> Iterator[list[str]]:
    """The commands of a pipeline or list, without what they set in the environment."""
    current: list[str] = []
    for word in [*words, ";"]:
        if word in _ENDS_A_COMMAND:
            if current:
                yield current
            current = []
        elif current or not re.fullmatch(r"[A-Z_]+=.*", word):
            current.append(word)


def arguments_of_seatrial(words: list[str]) -> list[str] | None:
    """What follows ``seatrial``, however it is called; None for another command."""
    if words[0] in ("seatrial", "bin/seatrial", ".venv/bin/seatrial"):
        return words[1:]
    if words[0] in ("python", "torchrun") and "-m" in words:
        module, *rest = words[words.index("-m") + 1 :]
        if module == "seatrial":
            return rest
        if module.startswith("seatrial.cli."):
            return [module.removeprefix("seatrial.cli.").replace("_", "-"), *rest]
    return None


def problem(arguments: list[str]) -> str | None:
    """Why the program would refuse a command line; None if it would not.

    Nothing is run: click reads the words, and overrides are checked against the schema.
    """
    if not arguments or arguments[0] in ("--help", "--version"):
        return None
    name, *rest = arguments
    if name not in COMMANDS:
        return f"no command {name}"
    command = import_module(f"seatrial.cli.{name.replace('-', '_')}").command
    if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return f"no command {name} {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    try:
        context = command.make_context(name, rest)
    except click.exceptions.Exit:
        return None  # --help
    except click.ClickException as error:
        return error.format_message()
    try:
        check(merged(BASE, parse_overrides(context.params.get("overrides", ()))), "overrides")
    except Exception as error:
        return str(error)
    return None


def configuration_problem(text: str) -> str | None:
    """Why a configuration, or a part of one, is refused; None if it is not."""
    try:
        raw, _ = strict_yaml.parse(text, "snippet")
        check(merged(BASE, raw), "snippet")
    except Exception as error:
        return str(error)
    return None


def keys(model: type[BaseModel] = Config, path: str = "") -> Iterator[str]:
    """Every dotted key of a configuration."""
    for name, field in model.model_fields.items():
        yield f"{path}{name}"
        for section in _sections(field.annotation):
            yield from keys(section, f"{path}{name}.")


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)
