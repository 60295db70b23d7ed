"""A power cut at any moment of any commit path, losing whatever was not synced: nothing torn.

The calls that a commit path makes are recorded and replayed into a model of a disk; every state in
which a power cut can leave it is laid out as real files and read by the code that reads them.
That the test can tell is proved by three protocols that are wrong, and must tear.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import pytest

from reliability.commit_paths import PATHS, STEP, CommitPath, settled
from reliability.commit_paths.runs_and_steps import attempt_in_place
from reliability.counting import full, report
from reliability.file_calls import Call, watched
from reliability.model_disk import Disk, State
from reliability.places import Board, fresh, place

__all__ = ["place"]

QUICK = 45
"""States of a path that are looked at in the quick form, at most; evenly chosen from all."""
DRAWS, QUICK_DRAWS = 100, 20
"""States after each call of a protocol that is wrong."""


def states_after(before: Path, calls: Iterable[Call]) -> Iterator[tuple[int, State]]:
    """Every distinct state that a power cut can leave, and after how many calls."""
    disk, seen = Disk(before), set()
    for number, call in enumerate(itertools.chain([None], calls)):
        if call is not None:
            disk.replay(call)
        for state in disk.states():
            key = hash(frozenset(state.items()))
            if key not in seen:
                seen.add(key)
                yield number, state


def recorded(path: CommitPath, place: Path) -> tuple[Path, list[Call], object, object]:
    """The state before, the calls, what is committed in the end, and the result."""
    before = fresh(path, place / "before")
    root = fresh(path, place / "recorded")
    with settled(), watched(root) as watch:
        path.act(root)
    return before, watch.done, path.committed(root), path.result(root)


def some(states: list[tuple[int, State]]) -> list[tuple[int, State]]:
    return states if full() else states[:: -(-len(states) // QUICK)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_no_power_cut_tears_anything(path: CommitPath, place: Path) -> None:
    before, calls, _, result = recorded(path, place)
    states = list(states_after(before, calls))
    board, looked_at = Board(place / "board"), some(states)
    for number, state in looked_at:
        torn = path.torn(board.show(state))
        assert torn == [], f"cut after {number} calls, {calls[number - 1]}: {torn}"
    # A few are gone on from as well: to where an undisturbed run comes.
    again = looked_at[:: max(1, len(looked_at) // (60 if full() else 6))]
    for number, state in again:
        root = Board(place / "again").show(state)
        with settled():
            path.act(root)
        assert path.torn(root) == []
        assert path.result(root) == result, f"cut after {number} calls, {calls[number - 1]}"
    report(
        f"power cuts in {path.name}",
        calls=len(calls),
        states=len(states),
        looked_at=len(looked_at),
        gone_on_from=len(again),
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_what_was_said_to_be_committed_survives_every_power_cut(
    path: CommitPath, place: Path
) -> None:
    before, calls, committed, _ = recorded(path, place)
    disk, board = Disk(before), Board(place / "board")
    for call in calls:
        disk.replay(call)
    states = list(disk.states())
    for state in states:
        root = board.show(state)
        assert path.committed(root) == committed
        assert path.torn(root) == []
    report(f"power cuts after {path.name} has returned", states=len(states))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_what_follows_a_kill_survives_a_power_cut(path: CommitPath, place: Path) -> None:
    """What a killed process did and had not synced yet is there for the next one to see, and lost
    by a power cut after that: who builds on it has to sync it."""
    before, calls, committed, _ = recorded(path, place)
    # In the quick form where a name has just been made: what is seen by all and not synced yet.
    killed_at = [
        number
        for number in range(1, len(calls))
        if full() or calls[number - 1].kind in ("rename", "mkdir")
    ]
    board, states = Board(place / "board"), 0
    for number in killed_at:
        disk = Disk(before)
        for call in calls[:number]:
            disk.replay(call)
        root = Board(place / "again").show(disk.now())
        with settled(), watched(root) as watch:
            path.act(root)
        for call in watch.done:
            disk.replay(call)
        for state in disk.states():
            states += 1
            found = board.show(state)
            where = f"killed after {number} calls, {calls[number - 1]}"
            assert path.torn(found) == [], where
            assert path.committed(found) == path.committed(root), where
        assert path.committed(root) == committed or path.name == "run", number
    report(f"kill, then power cut after {path.name}", kills=len(killed_at), states=states)


def tears(path: CommitPath, place: Path, forget: Callable[[Call], bool]) -> tuple[int, int, int]:
    """Of the states looked at, how many are torn, and how many have lost what was committed, when
    the calls that ``forget`` names are not made. Drawn at random: without syncs the states double
    with every call."""
    before, calls, committed, _ = recorded(path, place)
    kept = [call for call in calls if not forget(call)]
    disk, board, random, seen = Disk(before), Board(place / "board"), Random(0), set[int]()
    torn = lost = 0
    for number, call in enumerate(kept, 1):
        disk.replay(call)
        for _ in range(DRAWS if full() else QUICK_DRAWS):
            state = disk.drawn(random)
            key = hash((frozenset(state.items()), number == len(kept)))
            if key in seen:
                continue
            seen.add(key)
            root = board.show(state)
            is_torn = bool(path.torn(root))
            torn += is_torn
            lost += not is_torn and number == len(kept) and path.committed(root) != committed
            if torn and not full():
                return len(seen), torn, lost
    return len(seen), torn, lost


FILES_NOT_SYNCED = "no file is synced"
FOLDERS_NOT_SYNCED = "no folder is synced"
WRONG: dict[str, Callable[[Call], bool]] = {
    FILES_NOT_SYNCED: lambda call: call.kind == "fsync" and not call.directory,
    FOLDERS_NOT_SYNCED: lambda call: call.kind == "fsync" and call.directory,
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
@pytest.mark.parametrize("protocol", WRONG)
def test_a_protocol_that_does_not_sync_tears(path: CommitPath, protocol: str, place: Path) -> None:
    number, torn, lost = tears(path, place, WRONG[protocol])
    # A single file that is replaced is the old or the new one with any sync of its folder, but
    # without one the new one can be lost after all.
    assert (lost if (protocol, path.name) == (FOLDERS_NOT_SYNCED, "ledger") else torn) > 0
    report(f"{protocol}, in {path.name}", states=number, torn=torn, lost=lost)


def test_an_attempt_that_uses_its_folder_again_tears(place: Path) -> None:
    wrong = CommitPath(
        "attempt in place", STEP.act, attempt_in_place, STEP.torn, STEP.result, STEP.committed
    )
    number, torn, _ = tears(wrong, place, lambda _: False)
    assert torn > 0
    report("a folder is used again, with every sync", states=number, torn=torn)
