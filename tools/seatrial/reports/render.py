"""Templates to text. Every value is escaped for Markdown unless a filter here made it markup.

Names of classes and files, reasons and messages come from strangers: a template that prints one
cannot forget to escape it, because escaping is what printing does. Undefined names and None raise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypedDict

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seatrial.resources import shipped


class Table(TypedDict):
    """Cells are plain text. ``align`` holds l or r, one letter a column."""

    header: Sequence[str]
    align: str
    rows: Sequence[Sequence[str]]


class Markup(str):
    """Text that is Markdown already and is printed as it stands."""

    __slots__ = ()


_INTERVAL = re.compile(r"(\[[-+0-9., %–]*\d[-+0-9., %–]*\](?![(\[:]))")
_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&]")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_BLOCK_START = re.compile(r"^(#+(?=\s|$)|[-+](?=\s|$)|-{2,}|={2,}|\d+[.)](?=\s|$))")


def escape(value: object) -> str:
    """``value`` as text that Markdown shows letter for letter, on one line.

    Line breaks become spaces and characters that do not print become ``\\uXXXX``, so that no name
    can end a table row, open a tag, or reverse what follows it.
    """
    parts = _INTERVAL.split(one_line(str(value)))
    parts[::2] = [_SPECIAL.sub(r"\\\g<0>", part) for part in parts[::2]]
    text = _EDGE_UNDERSCORE.sub(r"\\_", "".join(parts))
    return _BLOCK_START.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)


def one_line(text: str) -> str:
    """Line breaks as spaces, and what does not print as ``\\uXXXX``."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)


def literal(value: object) -> Markup:
    """A plain value as Python source for a code block; never spans lines, so no fence can end."""
    if isinstance(value, (list, tuple)):
        return Markup("[" + ", ".join(literal(item) for item in value) + "]")
    if not isinstance(value, (str, int, float, bool)):
        raise TypeError(f"a code block takes plain values, not {type(value).__name__}")
    if isinstance(value, str) and value.isascii():
        return Markup(json.dumps(value))
    return Markup(ascii(value))


def table(content: Table) -> Markup:
    """A GitHub table: one row a line, no padding, so that one changed cell is one changed line."""
    width = len(content["header"])
    if len(content["align"]) != width or any(len(row) != width for row in content["rows"]):
        raise ValueError(f"a table row does not have the {width} cells of its header")
    rule = ["---:" if letter == "r" else "---" for letter in content["align"]]
    lines = [list(map(_printed, content["header"])), rule]
    lines += [list(map(_printed, row)) for row in content["rows"]]
    return Markup("\n".join("| " + " | ".join(line) + " |" for line in lines))


def bullets(sentences: Sequence[str]) -> Markup:
    """One sentence a line, each an item of a list."""
    return Markup("\n".join(f"- {_printed(sentence)}" for sentence in sentences))


def _printed(value: object) -> str:
    if value is None:
        raise ValueError("a document met None where a value belongs")
    return value if isinstance(value, Markup) else escape(value)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown, not HTML: `finalize` escapes every value instead
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "table": table,
        "bullets": bullets,
        "literal": literal,
        "markup": Markup,
    }
    return environment


def fill(template: str, context: Mapping[str, object]) -> str:
    """The shipped ``template`` filled with ``context``: the same context, the same bytes.

    :raises jinja2.UndefinedError: the template names what the context does not hold.
    :raises ValueError: the context holds None where the template prints a value.
    """
    return _environment().get_template(template).render(context).strip() + "\n"
