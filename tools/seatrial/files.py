"""Atomic writing and digests: the only way Seatrial puts bytes on a disk that it later trusts."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from seatrial.errors import InputError

_CHUNK_BYTES = 1 << 20
_ODD_NAMES = "backslashreplace"
"""File names may be any bytes. What is no UTF-8 in them becomes ``\\udcff``, which JSON reads."""
DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EIO: "the disk reported an input/output error",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "a folder stands where the file should go",
    errno.ELOOP: "its links lead in a circle",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open",
}
"""What the operating system refuses for reasons outside the program, in words."""


@contextmanager
def disk_errors(path: Path, action: str = "write") -> Iterator[None]:
    """Turn an operating system error on ``path`` into an :class:`InputError` of one line."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot {action}: {reason_of(error)}") from error


_FAILING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


@contextmanager
def disk_failures(folder: Path) -> Iterator[None]:
    """Turn what only a full or failing disk says, while something writes into ``folder``, into an
    :class:`InputError` of one line; any other error of the operating system stays what it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FAILING:
            raise
        named = folder if error.filename is None else os.fsdecode(error.filename)
        raise InputError(f"{named}: cannot write: {reason_of(error)}") from error


def reason_of(error: OSError) -> str:
    """What the operating system refused, in words."""
    return DISK_ERRORS.get(error.errno or 0, error.strerror or str(error))


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of ``content`` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 lower-case hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: object) -> bytes:
    """The one byte string that stands for ``value``: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode(errors=_ODD_NAMES)


def digest_of(value: object) -> str:
    """SHA-256 of a JSON value, independent of the order of its keys."""
    return sha256_bytes(canonical_json(value))


def pretty_json(value: object) -> str:
    """JSON for people and for git: two spaces, one item a line, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable: fsync of the directory itself.

    A file system that cannot do that for directories (some network ones) is not asked for more.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


_known_durable: set[tuple[int, int]] = set()
"""Device and inode of each folder whose name this process knows to be on the disk."""


def make_directory(path: Path) -> Path:
    """Create ``path`` and its missing parents durably; return it.

    Each folder is synced before the next one is made in it. So at most one may not be: the last
    one made before a crash; and that is synced by the next process to come by.
    """
    missing: list[Path] = []
    with disk_errors(path, "create the folder"):
        while not path.is_dir():
            if os.path.lexists(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            missing.append(path)
            path = path.parent
        if _identity(path) not in _known_durable:
            # Who may not read its parent did not make it there: it is not one of ours.
            with suppress(PermissionError):
                sync_directory(path.absolute().parent)
            _known_durable.add(_identity(path))
        for folder in reversed(missing):
            with suppress(FileExistsError):  # another process was faster
                _make(folder)
    return missing[0] if missing else path


def make_new_directory(path: Path) -> Path:
    """Create ``path`` durably, in a folder that is there; return it.

    :raises InputError: it is there already, or the disk does not take it.
    """
    make_directory(path.parent)
    with disk_errors(path, "create the folder"):
        _make(path)
    return path


def _make(folder: Path) -> None:
    folder.mkdir()
    try:
        sync_directory(folder.absolute().parent)
    except OSError:
        with suppress(OSError):
            folder.rmdir()
        raise
    _known_durable.add(_identity(folder))


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def beside(path: Path, purpose: str) -> Path:
    """A fresh hidden name in the folder of ``path``; see :func:`clear_leftovers`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{purpose}")


_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(new|earlier)")


def is_leftover(name: str) -> bool:
    """Whether a file's name is one that :func:`beside` gives: nobody's, once its writer is dead."""
    return _LEFTOVER.fullmatch(name) is not None


def clear_leftovers(folder: Path, names: Collection[str] | None = None) -> None:
    """Remove what writers that were killed left beside ``names`` in ``folder``; all without names.

    For who alone writes there, such as the holder of a lock.
    """
    with disk_errors(folder, "remove what a killed process left"):
        for path in folder.glob(".*"):
            found = _LEFTOVER.fullmatch(path.name)
            if found is not None and (names is None or found["name"] in names):
                path.unlink(missing_ok=True)


def write_new(path: Path, fill: Callable[[IO[bytes]], Any]) -> None:
    """Write a file that is not there yet, and sync its bytes; its name is not synced.

    On any error it is removed: after a failed fsync the bytes are lost, whatever a second one says.

    :raises OSError: the disk does not take it.
    """
    try:
        with path.open("xb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def swap_in(staged: Mapping[Path, Path | None]) -> None:
    """Rename each value over its key, back to back, and sync the folders; None removes the key.

    The last key is renamed when all before it are durable, so that it can vouch for them. On any
    error every key is as it was, as far as the disk allows, and the values are gone.
    """
    earlier: dict[Path, Path | None] = {}
    actions = {target: "write" if source else "remove" for target, source in staged.items()}
    *before, last = staged
    try:
        for target in staged:
            with disk_errors(target, actions[target]):
                earlier[target] = _second_name(target)
        for targets in (before, [last]):
            for target in targets:
                with disk_errors(target, actions[target]):
                    _rename_over(target, staged[target])
            for folder in dict.fromkeys(target.parent for target in targets):
                with disk_errors(folder):
                    sync_directory(folder)
    except BaseException:
        _put_back(staged, earlier)
        raise
    discard(earlier.values())


def _rename_over(target: Path, source: Path | None) -> None:
    if source is None:
        target.unlink(missing_ok=True)
    else:
        source.replace(target)


def _second_name(path: Path) -> Path | None:
    if not os.path.lexists(path):
        return None
    kept = beside(path, "earlier")
    if not link(path, kept):
        shutil.copyfile(path, kept)
    return kept


_CANNOT_LINK = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


def link(path: Path, second: Path) -> bool:
    """Give a file a second name; False where the file system has no such thing."""
    try:
        os.link(path, second)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        return False
    return True


def _put_back(staged: Mapping[Path, Path | None], earlier: Mapping[Path, Path | None]) -> None:
    for target in reversed(list(earlier)):
        source, kept = staged[target], earlier[target]
        done = not target.exists() if source is None else not source.exists()
        if done:
            with suppress(OSError):
                target.unlink() if kept is None else kept.replace(target)
                sync_directory(target.parent)
    discard([*staged.values(), *earlier.values()])


def discard(paths: Iterable[Path | None]) -> None:
    """Remove temporary files, as far as that goes: for the end of something that failed."""
    for path in paths:
        if path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file durably, if it is there. On any error it still is."""
    if os.path.lexists(path):
        swap_in({path: None})


def write_with(path: Path, fill: Callable[[IO[bytes]], Any]) -> None:
    """Write ``path`` atomically: ``fill`` gets a temporary file in the same folder, which is
    synced, renamed over ``path``, and the folder synced. On any error ``path`` is as it was.

    :raises InputError: the disk does not take it.
    """
    make_directory(path.parent)
    temporary = beside(path, "new")
    with disk_errors(path):
        write_new(temporary, fill)
    swap_in({path: temporary})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files durably; the last one only when all before it are, so that it can vouch
    for them. On any error all are as they were.

    :raises InputError: the disk does not take one of them.
    """
    staged: dict[Path, Path | None] = {}
    try:
        for path, content in contents.items():
            make_directory(path.parent)
            temporary = beside(path, "new")
            with disk_errors(path):
                write_new(temporary, partial(_fill, content))
            staged[path] = temporary
    except BaseException:
        discard(staged.values())
        raise
    swap_in(staged)


def _fill(content: bytes, stream: IO[bytes]) -> None:
    stream.write(content)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically and durably."""
    write_with(path, lambda stream: stream.write(content))


def write_text(path: Path, content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8, atomically and durably."""
    write_bytes(path, content.encode(errors=_ODD_NAMES))


def write_json(path: Path, value: object) -> None:
    """Write ``value`` to ``path`` as readable JSON, atomically and durably."""
    write_text(path, pretty_json(value))


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes to ``target`` atomically and durably."""
    with disk_errors(source, "read"):
        stream = source.open("rb")
    with stream:
        write_with(target, lambda out: shutil.copyfileobj(stream, out, _CHUNK_BYTES))


def read_bytes(path: Path, most: int = -1) -> bytes:
    """The content of a file, or its first ``most`` bytes.

    :raises InputError: there is none, it cannot be read, or it is no regular file: a pipe would be
        waited for, and a device never ends.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(f"{path}: required, but there is no such file") from None
    except ValueError:  # a NUL in the name
        raise InputError(f"{path}: required, but there can be no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read: {reason_of(error)}") from None
    with os.fdopen(_regular(descriptor, path), "rb") as stream, disk_errors(path, "read"):
        return stream.read(most)


def _regular(descriptor: int, path: Path) -> int:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise InputError(f"{path}: cannot read: {kind} stands there, and a file is required")
    return descriptor


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or damaged one is an :class:`InputError` that names it."""
    content = read_bytes(path)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from None


def is_inside(path: Path, folder: Path) -> bool:
    """Whether ``path``, with every link resolved, lies in ``folder``."""
    # Not Path.resolve, which breaks on links that lead in a circle.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def tree_files(folder: Path) -> Mapping[str, Path]:
    """Every file below ``folder`` by its relative POSIX path, in sorted order."""
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    }
    return dict(sorted(found.items()))
