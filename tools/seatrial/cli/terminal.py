"""Nothing reaches a terminal that it would obey: names of files and classes come from strangers.

A control character could clear the screen or rewrite what stands above, and a sign that turns the
direction of writing could show another name than the one that is meant. Both are printed as
``\\uXXXX``, which in JSON means the same.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_LAYOUT = frozenset("\n\t ")
_BASIC_PLANE = 0xFFFF


def printable(text: str) -> str:
    """``text`` with every character that does not print as ``\\uXXXX``; line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _LAYOUT else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= _BASIC_PLANE:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


class Printable(io.TextIOWrapper):
    """A standard stream that takes any text and writes only what prints."""

    def write(self, text: str) -> int:
        """Write ``text`` as :func:`printable` gives it."""
        super().write(printable(text))
        return len(text)

    def control(self, text: str) -> None:
        """Write what a terminal is to obey: a bar's own line is drawn anew."""
        super().write(text)


@contextmanager
def printable_streams() -> Iterator[None]:
    """Let standard output and standard error be :class:`Printable` meanwhile."""
    before = sys.stdout, sys.stderr
    made = [_wrapped(stream) for stream in before]
    sys.stdout, sys.stderr = made
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream, original in zip(made, before, strict=True):
            if isinstance(stream, Printable) and stream is not original:
                with suppress(OSError, ValueError):  # whoever reads may have gone
                    stream.flush()
                stream.detach()  # the buffer stays open for the stream it belongs to


def _wrapped(stream: TextIO) -> TextIO:
    if isinstance(stream, Printable) or not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return Printable(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=True,
    )
