"""A disk that refuses a call of a commit path: a clear error, nothing committed, nothing torn."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cli.conftest import Seatrial, make_images, project, seatrial
from reliability.commit_paths import PATHS, CommitPath, settled
from reliability.counting import full, report
from reliability.file_calls import Call, Refuse, RefuseWhere, watched
from reliability.model_disk import Disk
from reliability.places import Board, fresh, place
from seatrial import publishing, status
from seatrial.errors import InputError
from seatrial.evaluation.ledger import LEDGER
from seatrial.evidence import runs
from seatrial.files import is_leftover, sha256_file, tree_files

__all__ = ["place", "project", "seatrial"]

REFUSED = ("open", "write", "fsync", "rename", "link", "mkdir")
ERRORS = {errno.ENOSPC: "the disk is full", errno.EIO: "input/output error"}
READ_ONLY = {errno.EROFS: "the file system is read-only"}
QUICK = 9
"""Calls of a path that are refused in the quick form, at most."""


def certain(path: CommitPath, before: Path, calls: list[Call], board: Board) -> list[object]:
    """What had been committed for certain before each call: what all readers see, and what is
    synced. Between the two, as between a rename and the sync of its folder, it is what was before.
    """
    disk = Disk(before)
    found = [path.committed(board.show(disk.now()))]
    for call in calls:
        disk.replay(call)
        seen, synced = (path.committed(board.show(s)) for s in (disk.now(), disk.synced()))
        found.append(seen if seen == synced else found[-1])
    return found


def retried(call: Call, later: list[Call]) -> bool:
    """Whether a file that could not be synced is synced or put in place after all: what the system
    could not write it has forgotten, and the next sync of the same file says that all is well."""
    if call.kind != "fsync" or call.directory:
        return False
    return any(one.path == call.path and one.kind in ("fsync", "rename", "link") for one in later)


def points(calls: list[Call]) -> list[int]:
    numbers = [number for number, call in enumerate(calls) if call.kind in REFUSED]
    return numbers if full() else numbers[:: -(-len(numbers) // QUICK)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_refused_call_is_a_clear_error_and_commits_nothing(path: CommitPath, place: Path) -> None:
    before, root = fresh(path, place / "before"), fresh(path, place / "project")
    with settled(), watched(root) as watch:
        path.act(root)
    calls, result = watch.calls, path.result(root)
    committed = certain(path, before, watch.done, Board(place / "board"))
    errors = ERRORS | READ_ONLY if full() else ERRORS
    numbers = points(calls)
    for number in numbers:
        done = number - sum(other < number for other in watch.failed)
        for code, reason in errors.items():
            where = f"{reason} at call {number}, {calls[number]}"
            fresh(path, root)
            message, made = refused(path, root, Refuse(number, code))
            assert reason in message, where
            assert str(root) in message, where
            assert "\n" not in message, where
            assert path.torn(root) == [], where
            assert path.committed(root) == committed[done], where
            assert not [p for p in root.rglob(".*") if is_leftover(p.name)], where
            assert not retried(calls[number], made[number + 1 :]), where
            with settled():
                path.act(root)
            assert path.result(root) == result, where
    report(f"refused in {path.name}", calls=len(numbers), refusals=len(numbers) * len(errors))


def refused(path: CommitPath, root: Path, fault: Refuse) -> tuple[str, list[Call]]:
    """The error that is raised where ``fault`` strikes, and the calls."""
    with settled(), watched(root, fault) as watch, pytest.raises(InputError) as raised:
        path.act(root)
    assert raised.value.exit_code == 3
    return str(raised.value), watch.calls


def published(project: Path) -> dict[str, str]:
    """What stands outside of ``runs/``, by content."""
    found = tree_files(project)
    return {name: sha256_file(path) for name, path in found.items() if not name.startswith("runs/")}


def test_the_program_says_a_full_disk_in_one_line_and_goes_on_once_there_is_room(
    project: Path, seatrial: Seatrial
) -> None:
    make_images(project)
    small = ("export.formats=[onnx]", "export.quantization.enabled=false")
    before = published(project)
    with watched(project, RefuseWhere("rename", "/final_model_last.pt", errno.ENOSPC)):
        ended = seatrial("finalize", "--config", "config.yaml", *small)
    assert ended.code == 3
    assert "/train/checkpoints/final_model_last.pt: cannot write: the disk is full" in (
        ended.complaint
    )
    (run,) = runs.all_runs(project)
    assert run.step("train") is None
    assert published(project) == before

    with watched(project, RefuseWhere("rename", publishing.RELEASE, errno.EIO)):
        ended = seatrial("finalize", "--resume", run.id)
    assert (ended.code, "release.json: cannot write" in ended.complaint) == (3, True)
    assert set(published(project)) - set(before) == {LEDGER}  # it was evaluated, and that counts
    assert status.of(run).state == "failed"
    assert status.of(run).release_cut_short is None

    assert seatrial("finalize", "--resume", run.id).code in (0, 1)
    release, whole = publishing.read_release(project), published(project)
    assert release is not None
    assert release.files.items() <= whole.items()

    with watched(project, RefuseWhere("fsync", "docs", errno.EIO)):
        ended = seatrial("gate")
    assert (ended.code, "docs: cannot write" in ended.complaint) == (3, True)
    assert (publishing.read_release(project), published(project)) == (release, whole)
    assert seatrial("gate").code in (0, 1)
    assert publishing.published_run(project) != release.run
