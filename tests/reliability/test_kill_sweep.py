"""Killed at every file system call of every commit path: nothing torn, and it converges.

A kill loses what the process has not done yet, never what it has: what a power cut loses besides
is the matter of ``test_lossy_replay.py``.
"""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from pathlib import Path

import pytest

from reliability.commit_paths import LARGE, PATHS, CommitPath, settled
from reliability.counting import full, report
from reliability.file_calls import Call, Fault, Kill, watched
from reliability.places import fresh, place

__all__ = ["place"]

QUICK = 16
"""Calls of a path at which it is killed in the quick form, at most."""


def die(path: CommitPath, root: Path, fault: Fault) -> bool:
    """Whether ``act`` was killed, in a process forked for it; False if it came to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads of pytest-xdist
        child = os.fork()
    if child == 0:
        try:
            with settled(), watched(root, fault):
                path.act(root)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def calls_of(path: CommitPath, place: Path) -> tuple[list[Call], object]:
    """The calls of an undisturbed run, and what it comes to."""
    root = fresh(path, place / "project")
    with settled(), watched(root) as watch:
        path.act(root)
    assert path.torn(root) == []
    return watch.calls, path.result(root)


def converges(path: CommitPath, root: Path, expected: object, where: str) -> None:
    torn = path.torn(root)
    assert torn == [], f"{where}: {torn}"
    with settled():
        path.act(root)
    assert path.torn(root) == [], where
    assert path.result(root) == expected, where


def stride(calls: int) -> int:
    return 1 if full() else -(-calls // QUICK)


@pytest.mark.parametrize("path", [*PATHS, LARGE] if full() else PATHS, ids=lambda path: path.name)
def test_a_kill_at_any_call_tears_nothing_and_running_again_converges(
    path: CommitPath, place: Path
) -> None:
    calls, expected = calls_of(path, place)
    points = range(0, len(calls), stride(len(calls)))
    faults = [Kill(number) for number in points]
    # In the middle of a write: half of its bytes are there.
    faults += [Kill(number, midway=True) for number in points if calls[number].kind == "write"]
    for fault in faults:
        root = fresh(path, place / "project")
        assert die(path, root, fault)
        converges(path, root, expected, f"killed at call {fault.at}, {calls[fault.at]}")
    report(f"killed in {path.name}", calls=len(calls), kills=len(faults))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_kill_while_recovering_from_a_kill_tears_nothing_either(
    path: CommitPath, place: Path
) -> None:
    calls, expected = calls_of(path, place)
    step = max(1, len(calls) // (12 if full() else 2))
    kills = 0
    for first in range(step // 2, len(calls), step):
        for second in range(0, len(calls), step):
            root = fresh(path, place / "project")
            assert die(path, root, Kill(first))
            if not die(path, root, Kill(second)):
                break  # less was left to do than that
            kills += 1
            converges(path, root, expected, f"killed at {first}, then at {second}")
    report(f"killed twice in {path.name}", kills=kills)
