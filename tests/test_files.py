"""Writing is atomic: a failed write leaves what was there, and says why in one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import pytest

from seatrial import files
from seatrial.errors import InputError


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"old": 1})

    def fill(stream: IO[bytes]) -> None:
        stream.write(b"half")
        raise RuntimeError("died")

    with pytest.raises(RuntimeError, match="died"):
        files.write_with(path, fill)
    assert files.read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_is_a_one_line_input_error(tmp_path: Path) -> None:
    def fill(_stream: IO[bytes]) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(InputError, match=r"a\.bin: cannot write: the disk is full"):
        files.write_with(tmp_path / "a.bin", fill)
    assert not any(tmp_path.iterdir())


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(InputError, match="cannot create the folder"):
        files.write_text(tmp_path / "a" / "b.txt", "text")


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        files.write_json(tmp_path / "a.json", {"value": float("nan")})
    assert not any(tmp_path.iterdir())


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    assert files.digest_of({"a": 1, "b": [1, 2]}) == files.digest_of({"b": [1, 2], "a": 1})
    assert files.digest_of([1, 2]) != files.digest_of([2, 1])


def test_a_copy_has_the_same_bytes_and_a_missing_source_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3_000_000))
    files.copy_file(tmp_path / "a", tmp_path / "deep" / "b")
    assert files.sha256_file(tmp_path / "a") == files.sha256_file(tmp_path / "deep" / "b")
    with pytest.raises(InputError, match="absent: cannot read"):
        files.copy_file(tmp_path / "absent", tmp_path / "c")
