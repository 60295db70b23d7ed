"""What a commit path is, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from seatrial import files, pipeline
from seatrial.evidence import environment, lineage, runs
from seatrial.evidence.records import Environment, Lineage

NOW = "2026-11-20T15:00:00Z"


@dataclass(frozen=True)
class CommitPath:
    """One way in which Seatrial commits something; every function takes the folder it is in."""

    name: str
    prepare: Callable[[Path], None]
    """Makes the state before, which is durable."""
    act: Callable[[Path], None]
    """Commits. Run again, it begins from whatever is there and must come to the same result."""
    torn: Callable[[Path], list[str]]
    """What does not hold of the promise, one line each; empty if everything does."""
    result: Callable[[Path], object]
    """What it has come to, without names that differ from run to run."""
    committed: Callable[[Path], object]
    """What readers take for committed: an error must leave it as it was before."""


@contextmanager
def settled() -> Iterator[None]:
    """For ``act``: the clock stands still, and machine and repository are not looked at again.

    No commit depends on them, and thousands of runs would wait for them. Each act stands for a
    process of its own, which knows of no folder yet that its name is durable.
    """
    about = Environment(
        seatrial_version="0",
        python="3.11",
        platform="Linux",
        processor="one",
        cores=2,
        memory_mb=8000,
        gpu=None,
        packages={"numpy": "2"},
        code_sha256="0" * 64,
    )
    described = Lineage(commit=None, branch=None, dirty=(), reason="not a git repository")
    with ExitStack() as stack:
        for target, name, value in (
            (runs, "now", lambda: NOW),
            (pipeline, "now", lambda: NOW),
            (pipeline, "time", SimpleNamespace(perf_counter=lambda: 0.0)),
            (environment, "describe", lambda: about),
            (lineage, "describe", lambda *_: described),
            (environment, "code_digest", lambda: "0" * 64),
            (environment, "computing_digest", lambda: "0" * 64),
            (files, "_known_durable", set()),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        yield


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, but of none that a killed writer left."""
    return {
        name: files.sha256_file(path)
        for name, path in files.tree_files(folder).items()
        if not files.is_leftover(path.name)
    }


def states_of(path: Path, *allowed: bytes | None) -> list[str]:
    """A line if the content of ``path`` (None: there is none) is not one of those allowed."""
    found = path.read_bytes() if path.exists() else None
    if found in allowed:
        return []
    shown = "missing" if found is None else f"{len(found)} bytes that nobody wrote"
    return [f"{path.name}: {shown}"]
