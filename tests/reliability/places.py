"""Where commit paths are tried: folders in memory, prepared afresh or as a model disk has them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reliability.commit_paths import CommitPath
from reliability.model_disk import State


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory where there is one: what is tried is what the kernel has taken, and what
    a disk does with it is modelled; a disk would only be slower."""
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


def fresh(path: CommitPath, root: Path) -> Path:
    """``root``, made anew as the state before the path."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    path.prepare(root)
    return root


class Board:
    """Lays out states one after the other as files of one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        self._shown: dict[str, bytes | None] = {}

    def show(self, state: State) -> Path:
        """The folder as ``state`` has it."""
        differing = {path for path in self._shown if self._shown[path] != state.get(path, 0)}
        for path in sorted(differing, reverse=True):
            place = self._root / path
            if self._shown[path] is None:
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)
        for path, content in sorted(state.items()):
            place = self._root / path
            if content is None:
                place.mkdir(exist_ok=True)
            elif self._shown.get(path) != content or not place.exists():
                place.write_bytes(content)
        self._shown = dict(state)
        return self._root
