"""A step is whole exactly when its manifest exists, and the manifest knows every file."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.evidence import manifests
from seatrial.evidence.records import RunReference


def make_step(folder: Path) -> Path:
    manifests.begin(folder)
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    manifests.commit(
        folder,
        "train",
        run=RunReference(id="run", sha256="1" * 64),
        follows={"data": "2" * 64},
        inputs={"config": "0" * 64},
        started="start",
        finished="end",
    )
    return folder


def test_the_manifest_lists_every_file_and_what_went_in(tmp_path: Path) -> None:
    manifest = manifests.read(make_step(tmp_path / "train"))
    assert [entry.path for entry in manifest.files] == ["a.txt", "sub/b.txt"]
    assert manifest.inputs == {"config": "0" * 64}
    assert manifests.changed_files(tmp_path / "train", manifest) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: (f / "a.txt").write_text("b"), "a.txt: changed"),
        (lambda f: (f / "a.txt").write_text("aa"), "a.txt: changed"),
        (lambda f: (f / "a.txt").unlink(), "a.txt: missing"),
        (lambda f: (f / ".hidden").write_text(""), ".hidden: added"),
        (lambda f: (f / "sub" / "c.txt").write_text(""), "sub/c.txt: added"),
        (
            lambda f: ((f / "a.txt").rename(f.parent / "x"), (f / "a.txt").symlink_to("../x")),
            "a.txt: a link, not a file",
        ),
    ],
)
def test_every_change_is_named(tmp_path: Path, change: object, expected: str) -> None:
    folder = make_step(tmp_path / "train")
    change(folder)  # type: ignore[operator]
    assert manifests.changed_files(folder, manifests.read(folder)) == [expected]


def test_a_whole_step_is_never_written_again(tmp_path: Path) -> None:
    folder = make_step(tmp_path / "train")
    with pytest.raises(InputError, match="whole"):
        manifests.begin(folder)
    assert manifests.changed_files(folder, manifests.read(folder)) == []


def test_attempts_that_died_are_set_aside_with_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    assert manifests.begin(folder) is None
    for number in (1, 2):
        if number > 1:
            manifests.begin(folder)
        (folder / "partial").write_text(str(number))
    aside = manifests.begin(folder)
    assert aside == tmp_path / "train.attempt-2"
    assert (tmp_path / "train.attempt-1" / "partial").read_text() == "1"
    assert (aside / "partial").read_text() == "2"
    assert list(folder.iterdir()) == []


def test_attempts_are_counted_by_their_number_alone(tmp_path: Path) -> None:
    """Not by how many there are, nor in the order of letters, whatever the step is called."""
    folder = tmp_path / "two-words"
    for name in ("attempt-2", "attempt-10", "attempt-old"):
        (tmp_path / f"{folder.name}.{name}").mkdir()
    assert [number for number, _ in manifests.attempts(folder)] == [2, 10]
    manifests.begin(folder)
    assert manifests.begin(folder) == tmp_path / "two-words.attempt-11"


def test_an_attempt_that_cannot_be_set_aside_stops_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "train"
    manifests.begin(folder)
    (folder / "partial").write_text("1")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(Path, "rename", full)
    expected = f"{folder}: cannot set the earlier attempt aside: the disk is full"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        manifests.begin(folder)
    assert (folder / "partial").read_text() == "1"


def test_a_file_that_does_not_reach_the_disk_is_named_and_the_step_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    (tmp_path / "a.txt").write_text("a")
    expected = f"{tmp_path / 'a.txt'}: cannot write: the disk reported an input/output error"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        commit(tmp_path)
    assert not (tmp_path / manifests.MANIFEST).exists()


def commit(folder: Path) -> None:
    manifests.commit(
        folder, "train", run=RunReference(id="run", sha256="1" * 64), follows={}, inputs={},
        started="start", finished="end",
    )  # fmt: skip


def test_every_folder_of_a_step_is_made_durable_and_none_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that holds a folder alone."""
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    for name in ("one", "a/b/two", "a/b/c/three"):
        (tmp_path / name).write_text("")
    synced: list[Path] = []
    monkeypatch.setattr(manifests, "sync_directory", synced.append)
    commit(tmp_path)
    folders = [tmp_path, tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c"]
    assert sorted(synced) == folders


def test_a_folder_whose_names_do_not_reach_the_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise OSError(errno.EIO, "input/output error")

    (tmp_path / "a.txt").write_text("")
    monkeypatch.setattr(manifests, "sync_directory", broken)
    expected = f"{tmp_path}: cannot write: the disk reported an input/output error"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        commit(tmp_path)
    assert not (tmp_path / manifests.MANIFEST).exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"step": "x"}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match=r"manifest\.json: not a manifest: [^N].+; run seatrial"):
        manifests.read(tmp_path)
