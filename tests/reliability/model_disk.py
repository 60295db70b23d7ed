"""A disk that forgets whatever was not synced: every state it can be in after a power cut.

Recorded calls are replayed into it. What POSIX promises is kept, and nothing else:

* the bytes of a file are on the disk once the file was synced. What was written since may be
  there not at all, up to its middle, wholly, or as so many zeros;
* a name is on the disk once its folder was synced. Names made, renamed, linked or removed since
  are each there or not, whatever became of the bytes; changes of one name keep their order, and
  a rename within a folder is one change.

Its limits: of unsynced bytes four states stand for all; writes of other processes, changes of
permissions and times are not modelled; a sync that returned is believed, so that a drive which
lies about it is not; bytes that were synced do not rot (digests find that out). No file system
forgets as freely as this: what is whole here is whole on ext4, XFS, Btrfs and APFS, as far as
they keep what POSIX says of ``fsync``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from reliability.file_calls import Call

State = Mapping[str, bytes | None]
"""Content by path; None for a folder."""


@dataclass(eq=False)
class _File:
    synced: bytes = b""
    now: bytes = b""

    def write(self, offset: int, data: bytes) -> None:
        padded = self.now.ljust(offset, b"\0")
        self.now = padded[:offset] + data + padded[offset + len(data) :]

    def contents(self) -> tuple[bytes, ...]:
        """What can be found after a power cut."""
        if self.now == self.synced:
            return (self.now,)
        # The bytes from the first that differs on are in doubt.
        same = next(
            (at for at, (a, b) in enumerate(zip(self.synced, self.now, strict=False)) if a != b),
            min(len(self.synced), len(self.now)),
        )
        middle = same + (len(self.now) - same) // 2
        zeros = self.now[:same] + bytes(len(self.now) - same)
        return tuple(dict.fromkeys((self.synced, self.now[:middle], zeros, self.now)))


_Change = Mapping[str, "_File | _Folder | None"]


@dataclass(eq=False)
class _Folder:
    synced: dict[str, _File | _Folder] = field(default_factory=dict)
    now: dict[str, _File | _Folder] = field(default_factory=dict)
    changes: list[_Change] = field(default_factory=list)

    def change(self, change: _Change) -> None:
        self.changes.append(change)
        _apply(self.now, change)

    def sync(self) -> None:
        self.synced, self.changes = dict(self.now), []

    def names(self) -> list[dict[str, _File | _Folder]]:
        """Every set of names that can be found after a power cut."""
        found: dict[tuple[tuple[str, int], ...], dict[str, _File | _Folder]] = {}
        for names in self._names(0, dict(self.synced), frozenset()):
            found[tuple(sorted((name, id(node)) for name, node in names.items()))] = names
        return list(found.values())

    def _names(
        self, at: int, names: dict[str, _File | _Folder], held: frozenset[str]
    ) -> Iterator[dict[str, _File | _Folder]]:
        """``held``: names with a change that is not on the disk, so that no later one is."""
        if at == len(self.changes):
            yield names
            return
        change = self.changes[at]
        yield from self._names(at + 1, names, held | change.keys())
        if not held & change.keys():
            applied = dict(names)
            _apply(applied, change)
            yield from self._names(at + 1, applied, held)

    def drawn(self, random: Random) -> dict[str, _File | _Folder]:
        """One of :meth:`names`: each change is there or not with the same chance, if it can be."""
        names, held = dict(self.synced), set[str]()
        for change in self.changes:
            if held & change.keys() or random.random() < 0.5:
                held |= change.keys()
            else:
                _apply(names, change)
        return names


def _apply(names: dict[str, _File | _Folder], change: _Change) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class Disk:
    """Begins as the files below ``root``, all of them durable."""

    def __init__(self, root: Path) -> None:
        self._root = _load(root)

    def replay(self, call: Call) -> None:
        """Do what the call did, in memory."""
        getattr(self, f"_{call.kind}")(call)

    def states(self) -> Iterator[State]:
        """Every state in which a power cut at this moment can leave the disk."""
        for tree in _trees(self._root, ""):
            doubtful = {id(n): n for n in tree.values() if isinstance(n, _File)}
            for contents in itertools.product(*(n.contents() for n in doubtful.values())):
                chosen = dict(zip(doubtful, contents, strict=True))
                yield {path: chosen.get(id(node)) for path, node in tree.items()}

    def now(self) -> State:
        """What every process sees at this moment."""
        return {path: _content(node, "now") for path, node in _tree(self._root, "", "now").items()}

    def synced(self) -> State:
        """What is on the disk for certain."""
        tree = _tree(self._root, "", "synced")
        return {path: _content(node, "synced") for path, node in tree.items()}

    def drawn(self, random: Random) -> State:
        """One of :meth:`states` at random, for where there are too many to count."""
        tree = _drawn_tree(self._root, "", random)
        doubtful = {id(n): n for n in tree.values() if isinstance(n, _File)}
        chosen = {key: random.choice(file.contents()) for key, file in doubtful.items()}
        return {path: chosen.get(id(node)) for path, node in tree.items()}

    def _folder(self, path: str) -> tuple[_Folder, str]:
        *folders, name = path.split("/")
        here = self._root
        for folder in folders:
            node = here.now[folder]
            assert isinstance(node, _Folder)
            here = node
        return here, name

    def _file(self, path: str) -> _File:
        folder, name = self._folder(path)
        node = folder.now[name]
        assert isinstance(node, _File)
        return node

    def _open(self, call: Call) -> None:
        folder, name = self._folder(call.path)
        if call.created:
            folder.change({name: _File()})
        elif call.emptied:
            self._file(call.path).now = b""

    def _write(self, call: Call) -> None:
        self._file(call.path).write(call.offset, call.data)

    def _close(self, call: Call) -> None:
        """Makes nothing durable."""

    def _fsync(self, call: Call) -> None:
        if call.path == ".":
            self._root.sync()
            return
        folder, name = self._folder(call.path)
        node = folder.now[name]
        if isinstance(node, _Folder):
            node.sync()
        else:
            node.synced = node.now

    def _rename(self, call: Call) -> None:
        (source, old), (target, new) = self._folder(call.path), self._folder(call.target)
        node = source.now[old]
        if source is target:
            source.change({old: None, new: node})
        else:
            target.change({new: node})
            source.change({old: None})

    def _link(self, call: Call) -> None:
        (source, old), (target, new) = self._folder(call.path), self._folder(call.target)
        target.change({new: source.now[old]})

    def _unlink(self, call: Call) -> None:
        folder, name = self._folder(call.path)
        if name in folder.now:
            folder.change({name: None})

    _rmdir = _unlink

    def _mkdir(self, call: Call) -> None:
        folder, name = self._folder(call.path)
        folder.change({name: _Folder()})


def _load(path: Path) -> _Folder:
    names: dict[str, _File | _Folder] = {}
    for entry in sorted(path.iterdir()):
        if entry.is_dir():
            names[entry.name] = _load(entry)
        else:
            content = entry.read_bytes()
            names[entry.name] = _File(content, content)
    return _Folder(dict(names), dict(names))


def _trees(folder: _Folder, prefix: str) -> Iterator[dict[str, _File | _Folder]]:
    """Every tree of names below a folder that can be found."""
    for names in folder.names():
        below = [
            list(_trees(node, f"{prefix}{name}/"))
            for name, node in names.items()
            if isinstance(node, _Folder)
        ]
        here = {f"{prefix}{name}": node for name, node in names.items()}
        for trees in itertools.product(*below):
            merged = dict(here)
            for tree in trees:
                merged |= tree
            yield merged


def _drawn_tree(folder: _Folder, prefix: str, random: Random) -> dict[str, _File | _Folder]:
    names = folder.drawn(random)
    tree = {f"{prefix}{name}": node for name, node in names.items()}
    for name, node in names.items():
        if isinstance(node, _Folder):
            tree |= _drawn_tree(node, f"{prefix}{name}/", random)
    return tree


def _tree(
    folder: _Folder, prefix: str, which: Literal["now", "synced"]
) -> dict[str, _File | _Folder]:
    tree: dict[str, _File | _Folder] = {}
    for name, node in getattr(folder, which).items():
        tree[f"{prefix}{name}"] = node
        if isinstance(node, _Folder):
            tree |= _tree(node, f"{prefix}{name}/", which)
    return tree


def _content(node: _File | _Folder, which: Literal["now", "synced"]) -> bytes | None:
    return None if isinstance(node, _Folder) else node.now if which == "now" else node.synced
