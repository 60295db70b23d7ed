"""Everything in a folder, by its kind, without following a link."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seatrial.files import sha256_bytes

Nature = Literal["file", "folder", "link", "special", "unreadable folder"]


@dataclass(frozen=True)
class Entry:
    """A name in a folder and what stands there itself."""

    path: Path
    nature: Nature
    links: int
    """Names of the same file, anywhere."""
    identity: tuple[int, int]
    """Device and inode."""


def look(path: Path) -> Entry | None:
    """What stands at ``path`` itself; None where nothing does."""
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return None
    return Entry(path, _nature(status.st_mode), status.st_nlink, (status.st_dev, status.st_ino))


def walk(folder: Path) -> dict[str, Entry]:
    """Every entry below ``folder`` by its relative POSIX path, folders too, in sorted order."""
    found: dict[str, Entry] = {}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            paths = list(here.iterdir())
        except OSError:
            if here != folder and (entry := look(here)) is not None:
                name = here.relative_to(folder).as_posix()
                found[name] = Entry(here, "unreadable folder", entry.links, entry.identity)
            continue
        for path in paths:
            entry = look(path)
            if entry is None:
                continue
            found[path.relative_to(folder).as_posix()] = entry
            if entry.nature == "folder":
                waiting.append(path)
    return dict(sorted(found.items()))


def files_below(folder: Path) -> list[Path]:
    """Every regular file below ``folder``."""
    return [entry.path for entry in walk(folder).values() if entry.nature == "file"]


def _nature(mode: int) -> Nature:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"


MOST_BYTES = 256 << 20
"""No JSON, YAML or Markdown of a run comes near."""


def open_plain(path: Path) -> io.FileIO | None:
    """A regular file, open to be read; None for a link, a folder, a pipe, or no file.

    A pipe in the place of a file would keep whoever opens it waiting for ever.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return io.FileIO(descriptor)


def read_plain(path: Path) -> bytes | None:
    """The bytes of a file that :func:`open_plain` opens; None for another, or one too large."""
    stream = open_plain(path)
    if stream is None:
        return None
    with stream:
        try:
            if os.fstat(stream.fileno()).st_size > MOST_BYTES:
                return None
            return stream.readall()
        except OSError:
            return None


def digest_plain(path: Path) -> str | None:
    """SHA-256 of what :func:`read_plain` reads; None where it reads nothing."""
    content = read_plain(path)
    return None if content is None else sha256_bytes(content)
