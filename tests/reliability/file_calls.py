"""Sees the file system calls that Python code makes below a folder; can break off or refuse one.

The functions of ``os`` that change files are replaced, and ``open`` makes streams over a
``FileIO`` whose writes are seen, so that a call here is one system call of the same name, at the
moment when the buffer goes out. Files written by libraries in C are not seen;
``test_file_calls.py`` compares with ``strace``.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from unittest import mock

CHANGES = ("open", "write", "fsync", "rename", "link", "unlink", "mkdir", "rmdir")


@dataclass(frozen=True)
class Call:
    """One call. Paths are relative to the folder that is watched."""

    kind: str
    """One of ``CHANGES``, or ``close``."""
    path: str
    target: str = ""
    """The new name of a rename or link."""
    offset: int = 0
    """Of a write."""
    data: bytes = b""
    created: bool = False
    """Of an open: the file was not there before."""
    emptied: bool = False
    """Of an open: it was there, and is cut to nothing."""
    directory: bool = False
    """Of an fsync."""

    def __str__(self) -> str:
        shown = f"{self.kind} {self.path}"
        return f"{shown} -> {self.target}" if self.target else shown


class Fault(Protocol):
    """What happens before a call is made; ``half`` writes the first half of a write."""

    def __call__(self, number: int, call: Call, half: Callable[[], object]) -> None:
        """Return to let the call be made; else raise, or end the process."""


@dataclass(frozen=True)
class Kill:
    """SIGKILL to this process before call ``at``, or in the middle of it if that is a write."""

    at: int
    midway: bool = False

    def __call__(self, number: int, call: Call, half: Callable[[], object]) -> None:  # noqa: ARG002
        if number == self.at:
            if self.midway:
                half()
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Refuse:
    """The disk's error ``number`` at call ``at``; of a write the first half was taken."""

    at: int
    number: int

    def __call__(self, number: int, call: Call, half: Callable[[], object]) -> None:  # noqa: ARG002
        if number == self.at:
            half()
            raise OSError(self.number, os.strerror(self.number))


@dataclass(frozen=True)
class RefuseWhere:
    """The disk's error ``number`` at every call of ``kind`` on a path that ends so."""

    kind: str
    ending: str
    number: int

    def __call__(self, number: int, call: Call, half: Callable[[], object]) -> None:  # noqa: ARG002
        if call.kind == self.kind and (call.target or call.path).endswith(self.ending):
            half()
            raise OSError(self.number, os.strerror(self.number))


@dataclass
class _Open:
    path: str
    append: bool
    changing: bool


class Watch:
    """The calls that were asked for below ``root`` so far, in ``calls``."""

    def __init__(self, root: Path, fault: Fault | None = None) -> None:
        self.root = Path(os.path.realpath(root))
        self.calls: list[Call] = []
        self.failed: set[int] = set()
        """The numbers of the calls that the system, or the fault, refused."""
        self._fault = fault
        self._open: dict[int, _Open] = {}
        self._lock = threading.RLock()
        self.real = {name: getattr(os, name) for name in _REPLACED if hasattr(os, name)}

    def relative(self, path: Any, dir_fd: int | None = None) -> str | None:
        """The path from the root; None outside of it or for a descriptor."""
        if isinstance(path, int):
            return None
        name = os.fsdecode(path)
        if dir_fd is not None and not Path(name).is_absolute():
            known = self._open.get(dir_fd)
            if known is None:
                return None
            name = str(self.root / known.path / name)
        folder, last = os.path.split(os.path.abspath(name))  # noqa: PTH100
        absolute = Path(os.path.realpath(folder), last)
        inside = absolute.is_relative_to(self.root)
        return absolute.relative_to(self.root).as_posix() if inside else None

    @property
    def done(self) -> list[Call]:
        """The calls that the system did, in order."""
        return [call for number, call in enumerate(self.calls) if number not in self.failed]

    def make(
        self, call: Call | None, do: Callable[[], Any], half: Callable[[], object] = lambda: None
    ) -> Any:
        """Note a call and make it, unless the fault prevents that; None is not watched."""
        if call is None:
            return do()
        with self._lock:
            number = len(self.calls)
            self.calls.append(call)
            try:
                if self._fault is not None:
                    self._fault(number, call, half)
                return do()
            except OSError:
                self.failed.add(number)
                raise

    # Each method below stands for the function of ``os`` of that name.

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        name = self.relative(path, dir_fd)
        changing = bool(flags & (os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_RDWR))
        call = None
        if name is not None and changing:
            there = (self.root / name).exists()
            created = bool(flags & os.O_CREAT) and not there
            call = Call("open", name, created=created, emptied=bool(flags & os.O_TRUNC) and there)
        descriptor = cast(
            int, self.make(call, lambda: self.real["open"](path, flags, mode, dir_fd=dir_fd))
        )
        if name is not None:
            self._open[descriptor] = _Open(name, bool(flags & os.O_APPEND), changing)
        return descriptor

    def close(self, descriptor: int) -> None:
        try:
            self.closing(descriptor)
        finally:
            self.real["close"](descriptor)

    def closing(self, descriptor: int) -> None:
        """To be called before a descriptor is closed."""
        known = self._open.pop(descriptor, None)
        if known is not None and known.changing:
            self.make(Call("close", known.path), lambda: None)

    def write(self, descriptor: int, data: Any) -> int:
        return self.writing(
            descriptor, bytes(data), lambda part: self.real["write"](descriptor, part)
        )

    def writing(self, descriptor: int, data: bytes, do: Callable[[bytes], int]) -> int:
        """A write to a descriptor, which ``do`` makes."""
        known = self._open.get(descriptor)
        if known is None:
            return do(data)
        end = os.fstat(descriptor).st_size
        offset = end if known.append else os.lseek(descriptor, 0, os.SEEK_CUR)
        call = Call("write", known.path, offset=offset, data=data)
        return cast(int, self.make(call, lambda: do(data), lambda: do(data[: len(data) // 2])))

    def fsync(self, descriptor: Any) -> None:
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        known = self._open.get(number)
        call = None
        if known is not None:
            directory = (self.root / known.path).is_dir()
            call = Call("fsync", known.path, directory=directory)
        self.make(call, lambda: self.real["fsync"](number))

    def rename(self, source: Any, target: Any, **folders: Any) -> None:
        call = self._two("rename", source, target)
        self.make(call, lambda: self.real["rename"](source, target, **folders))
        for known in self._open.values():
            if call is not None and f"{known.path}/".startswith(f"{call.path}/"):
                known.path = f"{call.target}{known.path[len(call.path) :]}"

    def link(self, source: Any, target: Any, **options: Any) -> None:
        call = self._two("link", source, target)
        self.make(call, lambda: self.real["link"](source, target, **options))

    def _two(self, kind: str, source: Any, target: Any) -> Call | None:
        first, second = self.relative(source), self.relative(target)
        if (first is None) != (second is None):
            raise AssertionError(f"{kind} over the edge of what is watched: {source} {target}")
        return None if first is None or second is None else Call(kind, first, target=second)

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        do = functools.partial(self.real["unlink"], path, dir_fd=dir_fd)
        self.make(self._one("unlink", path, dir_fd), do)

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        do = functools.partial(self.real["rmdir"], path, dir_fd=dir_fd)
        self.make(self._one("rmdir", path, dir_fd), do)

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        do = functools.partial(self.real["mkdir"], path, mode, dir_fd=dir_fd)
        self.make(self._one("mkdir", path, dir_fd), do)

    def _one(self, kind: str, path: Any, dir_fd: int | None) -> Call | None:
        name = self.relative(path, dir_fd)
        return None if name is None else Call(kind, name)

    def unseen(self, name: str, *arguments: Any, **options: Any) -> Any:
        """A way to change files that nothing here models, so that no commit path may take it."""
        if any(
            one in self._open if isinstance(one, int) else self.relative(one) is not None
            for one in arguments
            if isinstance(one, int | str | bytes | os.PathLike)
        ):
            raise AssertionError(f"{name}: a call that is not recorded")
        return self.real[name](*arguments, **options)

    def open_stream(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        """The built-in ``open``; a file to be written gets the same buffers over its own raw."""
        if self.relative(file) is None or not set(mode) & set("wxa+"):
            return _OPEN(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = _Raw(self, file, mode.replace("t", ""))
        if buffering == 0:
            return raw
        size = os.fstat(raw.fileno()).st_blksize if buffering in (-1, 1) else buffering
        buffer = io.BufferedRandom(raw, size) if "+" in mode else io.BufferedWriter(raw, size)
        if "b" in mode:
            return buffer
        line_buffering = buffering == 1
        encoding = io.text_encoding(encoding)
        return io.TextIOWrapper(
            cast("io.BufferedWriter", buffer), encoding, errors, newline, line_buffering
        )


class _Raw(io.FileIO):
    """A file whose system calls are noted."""

    def __init__(self, watch: Watch, path: Any, mode: str) -> None:
        self._watch = watch
        super().__init__(
            path, mode.replace("b", ""), opener=lambda p, flags: watch.open(p, flags, 0o666)
        )

    def write(self, data: Any) -> int:
        return self._watch.writing(self.fileno(), bytes(data), super().write)

    def truncate(self, size: int | None = None) -> int:  # noqa: ARG002
        raise AssertionError("no commit path cuts an open file")

    def close(self) -> None:
        # Noted first, as everything; a kill or refusal must not leave the descriptor to be
        # noted again when the object dies.
        if not self.closed:
            try:
                self._watch.closing(self.fileno())
            finally:
                super().close()


_OPEN = io.open
_REPLACED = (
    "open", "close", "write", "fsync", "fdatasync", "rename", "replace", "link", "unlink",
    "remove", "mkdir", "rmdir", "truncate", "ftruncate", "symlink", "sendfile", "pwrite",
    "writev", "copy_file_range",
)  # fmt: skip


@contextmanager
def watched(root: Path, fault: Fault | None = None) -> Iterator[Watch]:
    """Watch every call below ``root`` made in this process until the block ends."""
    watch = Watch(root, fault)
    same = {"replace": "rename", "remove": "unlink", "fdatasync": "fsync"}
    replaced = {
        name: getattr(watch, same.get(name, name), functools.partial(watch.unseen, name))
        for name in _REPLACED
        if hasattr(os, name)
    }
    with (
        mock.patch.multiple(os, **replaced),
        mock.patch.object(io, "open", watch.open_stream),
        mock.patch.object(builtins, "open", watch.open_stream),
    ):
        yield watch
