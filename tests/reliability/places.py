"""Where commit paths are tried: folders in memory, prepared afresh."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reliability.commit_paths import CommitPath


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
