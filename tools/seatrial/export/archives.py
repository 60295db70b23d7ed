"""The zip archives that torch writes, made anew without what names this machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

ROOT = "archive"
"""The archive's inner folder, which torch otherwise names after the file."""

_ALIGNMENT = 64
_LOCAL_HEADER_BYTES = 30
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PADDING_TAG = b"FB"
_UNIX = 3


def rewrite(content: bytes, keep: Callable[[str], bool]) -> bytes:
    """The archive with only the members whose name (without its root) ``keep`` accepts.

    Members are stored without compression at offsets that are multiples of 64 bytes, as torch
    does, so that tensors can be mapped; all carry one date, so the same members give the same
    bytes.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            name = member.filename.partition("/")[2]
            if keep(name):
                _store(new, out.tell(), f"{ROOT}/{name}", old.read(member))
    return out.getvalue()


def _store(archive: zipfile.ZipFile, offset: int, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.create_system = _UNIX
    header = offset + _LOCAL_HEADER_BYTES + len(name.encode()) + len(_PADDING_TAG) + 2
    padding = -header % _ALIGNMENT
    entry.extra = _PADDING_TAG + padding.to_bytes(2, "little") + b"Z" * padding
    archive.writestr(entry, data)
