"""SHA-256 of files as they are now: each is read once, several at a time."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from seatrial.audit.tree import open_plain
from seatrial.gates.evidence_files import Digests
from seatrial.machine import usable_cores

_CHUNK_BYTES = 1 << 20
_Identity = tuple[int, int, int, int]


class Hashes:
    """Digests of regular files. One that is neither a file nor readable has none.

    hashlib lets go of the interpreter's lock, so threads hash on every core. Names of one inode
    share its digest.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(usable_cores())
        self._known: dict[_Identity, Future[str | None]] = {}
        self._names: set[Path] = set()
        self.size_bytes = 0

    @property
    def files(self) -> int:
        """How many names were hashed."""
        return len(self._names)

    def begin(self, paths: Iterable[Path]) -> None:
        """Start hashing, the largest first, so that no thread is left alone with it at the end."""
        found = [(path, status) for path in paths if (status := _status(path)) is not None]
        for path, status in sorted(found, key=lambda one: -one[1].st_size):
            self._digest(path, status)

    def of(self, path: Path) -> str | None:
        """The digest of a regular file; None for anything else, or if it cannot be read."""
        status = _status(path)
        return None if status is None else self._digest(path, status).result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _digest(self, path: Path, status: os.stat_result) -> Future[str | None]:
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if identity not in self._known:
            self._known[identity] = self._pool.submit(_read, path)
            self.size_bytes += status.st_size
        self._names.add(path)
        return self._known[identity]


class KnownDigests(Digests):
    """What the checks of a gate ask for, from what an audit has hashed already."""

    def __init__(self, project: Path, hashes: Hashes) -> None:
        super().__init__(project)
        self._hashes = hashes

    def _read(self, path: str) -> str | None:
        return self._hashes.of(self.project / path)


def _status(path: Path) -> os.stat_result | None:
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _read(path: Path) -> str | None:
    # A name that became a link or a pipe since it was looked at is neither followed nor waited for.
    stream = open_plain(path)
    if stream is None:
        return None
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with stream:
        try:
            while size := stream.readinto(buffer):
                digest.update(buffer[:size])
        except OSError:
            return None
    return digest.hexdigest()
