"""What all pages share: tables, and docstrings as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines, with an empty one before and after."""
    lines = [header, ["---"] * len(header), *rows]
    return ["", *("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines), ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def paragraphs(text: str | None) -> list[str]:
    """A docstring's lines: rst's double backquotes become single, click's marks go."""
    return inspect.cleandoc(text or "").replace("``", "`").replace("\b\n", "").splitlines()
