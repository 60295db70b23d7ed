"""Files, names and repositories that do harm where they are trusted, each with its proof.

A :class:`Payload` builds one file. Its harm is a canary: a file that appears. ``fire`` is what a
careless program would do with the payload; a test calls it once in a throwaway process, to prove
that the payload is live, before the payload is given to every door of Seatrial, where the canary
must stay silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Build = Callable[[Path, Path], bytes]
"""Folder for what the payload needs beside it, and the canary → the payload's bytes."""
Fire = Callable[[Path], object]


@dataclass(frozen=True)
class Payload:
    """One hostile file."""

    name: str
    suffix: str
    build: Build
    fire: Fire

    def write(self, folder: Path, canary: Path) -> Path:
        """Build the payload in ``folder``; its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}{self.suffix}"
        path.write_bytes(self.build(folder, canary))
        return path
