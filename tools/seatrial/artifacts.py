"""Exported files taken into a folder of one's own, before anything in them is loaded.

Between a check of a file and its loading another process may put something else in its place. So a
file is copied to where no other account writes, and the copy is what is checked and loaded.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from seatrial.archives import torch_file_problem
from seatrial.errors import InputError
from seatrial.files import disk_errors, sha256_file

_PROGRAM = ".pt2"
_TORCH = (".pt", _PROGRAM)
_CHUNK_BYTES = 1 << 20


def take(name: str, sha256: str, source: Path, target: Path) -> Path:
    """Copy the exported file ``name`` from the folder ``source`` into the folder ``target``.

    A TorchScript file or an exported program runs code when it is loaded, so it is also looked
    into; see :mod:`seatrial.archives`.

    :param sha256: what the export's record says of the file.
    :raises InputError: ``name`` leads out of the folder, the file is missing, a link, or not the
        one that was exported, or it would run code of a stranger. Nothing is left in ``target``.
    """
    if PurePosixPath(name).name != name or name in ("", ".", ".."):
        raise InputError(f"{name!r}: the name of a file in the export's folder required")
    copy = target / name
    copy_unlinked(source / name, copy)
    try:
        _check(copy, sha256)
    except InputError:
        copy.unlink()
        raise
    return copy


def copy_unlinked(source: Path, target: Path) -> None:
    """Copy a file that is no link.

    :raises InputError: it is missing or a link, or the disk does not take the copy.
    """
    if source.is_symlink():
        raise InputError(f"{source}: a link, where a file is required; run the export again")
    with disk_errors(source, "read"):
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream, disk_errors(target), target.open("xb") as out:
        shutil.copyfileobj(stream, out, _CHUNK_BYTES)


def _check(path: Path, sha256: str) -> None:
    found = sha256_file(path)
    if found != sha256:
        raise InputError(
            f"{path.name}: changed since it was exported (SHA-256 {sha256} recorded, {found}"
            " found); export again"
        )
    if problem := danger(path):
        raise InputError(f"{path.name}: not loaded, since it is no export of ours: {problem}")


def danger(path: Path) -> str | None:
    """Why a file of torch must not be loaded; None where it may, or is none."""
    if path.suffix.lower() not in _TORCH:
        return None
    with disk_errors(path, "read"), path.open("rb") as stream:
        return torch_file_problem(stream, program=path.suffix.lower() == _PROGRAM)
