"""The zip archives that torch writes: not packed, one entry a name, no path that leads out."""

from __future__ import annotations

import stat
import zipfile
from pathlib import PurePosixPath

MOST_PROGRAM_BYTES = 64 << 20
"""No honest pickle program, source or graph comes near: tensors lie outside them."""
MOST_ENTRIES = 100_000
_UNIX = 3


def container_problem(archive: zipfile.ZipFile, size: int) -> str | None:
    """Why an archive of ``size`` bytes is not one that torch writes, before an entry is opened."""
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        return f"{len(entries)} entries, {MOST_ENTRIES} allowed"
    seen: set[str] = set()
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
            return f"{entry.filename[:80]!r}: a path that leads out of the archive"
        if entry.create_system == _UNIX and stat.S_ISLNK(entry.external_attr >> 16):
            return f"{entry.filename[:80]!r}: a link"
        if entry.filename in seen:
            return f"{entry.filename[:80]!r}: two entries of one name"
        if entry.compress_type != zipfile.ZIP_STORED and not _is_source(entry):
            return f"{entry.filename[:80]!r}: compressed, which torch does not write"
        seen.add(entry.filename)
    if sum(entry.file_size for entry in entries if _is_source(entry)) > MOST_PROGRAM_BYTES:
        return f"source of more than {MOST_PROGRAM_BYTES} bytes"
    if sum(entry.file_size for entry in entries if not _is_source(entry)) > size:
        return "entries that overlap: they claim more bytes than the file has"
    roots = {entry.filename.partition("/")[0] for entry in entries}
    return None if len(roots) == 1 else f"{len(roots)} folders at its root, one required"


def _is_source(entry: zipfile.ZipInfo) -> bool:
    """TorchScript's source, the one thing that torch compresses."""
    return member_of(entry).startswith("code/")


def member_of(entry: zipfile.ZipInfo) -> str:
    """An entry's name within the archive's one folder."""
    return entry.filename.partition("/")[2]


def read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry that is read as text.

    :raises ValueError: it is larger than any honest one.
    """
    if entry.file_size > MOST_PROGRAM_BYTES:
        raise ValueError(f"{entry.file_size} bytes")
    return archive.read(entry)
