"""The files of a release's approvals: read without following a link, strangers left out by name."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import RootModel, ValidationError

from seatrial.files import write_bytes, write_json
from seatrial.gates.approvals.statement import ROLES

FOLDER = "approvals"
"""In the project: a folder a release, named by its digest."""
STATEMENT, SIGNATURE = ".json", ".json.sig"
LEFT_OUT = "left_out.json"
_MAX_BYTES = 256 << 10
_MAX_NAMED = 20
_NAMES = {f"{role}{ending}" for role in ROLES for ending in (STATEMENT, SIGNATURE)}


@dataclass(frozen=True)
class Folder:
    """What lies among a release's approvals."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Content of statements and signatures, by name."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """By name: why it was not read."""
    unusable: bool = False
    """Whether it is no folder of the project's own, so that nothing in it was read."""


def read_folder(project: Path, release_digest: str) -> Folder:
    """The approvals of a release, as people left them in ``approvals/<digest>/``."""
    for path in (project / FOLDER, project / FOLDER / release_digest):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            name = path.relative_to(project).as_posix()
            return Folder(left_out={name: "not a folder of the project's own"}, unusable=True)
        if not path.exists():
            return Folder()
    return _read(project / FOLDER / release_digest)


def keep(folder: Folder, target: Path) -> None:
    """Write what was read to ``target``, the folder of a gate step, and what was left out, so that
    the same verdict follows from there."""
    for name, content in folder.files.items():
        write_bytes(target / name, content)
    if folder.left_out:
        write_json(target / LEFT_OUT, dict(folder.left_out))


def read_kept(target: Path) -> Folder:
    """What :func:`keep` wrote; nothing if it wrote nothing."""
    if target.is_symlink() or not target.is_dir():
        return Folder()
    found = _read(target)
    left_out = dict(found.left_out)
    if left_out.pop(LEFT_OUT, None) is not None:
        left_out = {**_listed(target / LEFT_OUT), **left_out}
    return Folder(found.files, left_out)


def _read(folder: Path) -> Folder:
    files: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        shown = "".join(c if c.isprintable() else "?" for c in name)
        if name not in _NAMES:
            left_out[shown] = "neither a statement nor a signature of a role"
            continue
        content = _content(folder / name)
        if isinstance(content, str):
            left_out[name] = content
        else:
            files[name] = content
    return Folder(files, _shortened(left_out))


def _shortened(left_out: dict[str, str]) -> dict[str, str]:
    # What concerns a role is always told, strangers up to a number of them.
    strangers = [name for name in left_out if name not in _NAMES and name != LEFT_OUT]
    for name in strangers[_MAX_NAMED:]:
        del left_out[name]
    if len(strangers) > _MAX_NAMED:
        left_out["…"] = f"{len(strangers) - _MAX_NAMED} more files that are none of a role"
    return left_out


def _content(path: Path) -> bytes | str:
    """The file's bytes, or why they are not read."""
    try:
        # A pipe would wait for a writer, and a link may lead anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return "a link, not a file" if path.is_symlink() else f"not readable: {error.strerror}"
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return "not a regular file"
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(_MAX_BYTES + 1)
    return content if len(content) <= _MAX_BYTES else f"larger than {_MAX_BYTES >> 10} KiB"


class _LeftOut(RootModel[dict[str, str]]):
    """``left_out.json``."""


def _listed(path: Path) -> dict[str, str]:
    content = _content(path)
    try:
        return _LeftOut.model_validate_json(content).root if isinstance(content, bytes) else {}
    except ValidationError:
        return {LEFT_OUT: "damaged"}
