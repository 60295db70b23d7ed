"""Atomic writing and digests: the only way Seatrial puts bytes on a disk that it later trusts."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from seatrial.errors import InputError

_CHUNK_BYTES = 1 << 20
_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EIO: "the disk reported an input/output error",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "a folder stands where the file should go",
}


@contextmanager
def disk_errors(path: Path, action: str = "write") -> Iterator[None]:
    """Turn an operating system error on ``path`` into an :class:`InputError` of one line."""
    try:
        yield
    except OSError as error:
        reason = _DISK_ERRORS.get(error.errno or 0, error.strerror or str(error))
        raise InputError(f"{path}: cannot {action}: {reason}") from error


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
    ).encode()


def digest_of(value: object) -> str:
    """SHA-256 of a JSON value, independent of the order of its keys."""
    return sha256_bytes(canonical_json(value))


def pretty_json(value: object) -> str:
    """JSON for people and for git: two spaces, one item a line, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable: fsync of the directory itself."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> Path:
    """Create ``path`` and its missing parents durably; return it."""
    if not path.is_dir():
        with disk_errors(path, "create the folder"):
            missing = [path, *[p for p in path.parents if not p.exists()]]
            path.mkdir(parents=True, exist_ok=True)
            for made in missing:
                sync_directory(made.parent)
    return path


def write_with(path: Path, fill: Callable[[IO[bytes]], Any]) -> None:
    """Write ``path`` atomically: ``fill`` gets a temporary file in the same folder, which is
    synced, renamed over ``path``, and the folder synced. On any error ``path`` is as it was.
    """
    make_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with disk_errors(path):
        try:
            with temporary.open("xb") as stream:
                fill(stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically and durably."""
    write_with(path, lambda stream: stream.write(content))


def write_text(path: Path, content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8, atomically and durably."""
    write_bytes(path, content.encode())


def write_json(path: Path, value: object) -> None:
    """Write ``value`` to ``path`` as readable JSON, atomically and durably."""
    write_text(path, pretty_json(value))


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes to ``target`` atomically and durably."""
    with disk_errors(source, "read"):
        stream = source.open("rb")
    with stream:
        write_with(target, lambda out: shutil.copyfileobj(stream, out, _CHUNK_BYTES))


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or damaged one is an :class:`InputError` that names it."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: required, but there is no such file") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from None


def is_inside(path: Path, folder: Path) -> bool:
    """Whether ``path``, with every link resolved, lies in ``folder``."""
    return path.resolve().is_relative_to(folder.resolve())


def tree_files(folder: Path) -> Mapping[str, Path]:
    """Every file below ``folder`` by its relative POSIX path, in sorted order."""
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    }
    return dict(sorted(found.items()))
