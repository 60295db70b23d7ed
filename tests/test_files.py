"""Writing is atomic: a failed write leaves what was there, and says why in one line."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

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


# ------------------------------------------------------------ leftovers, links, swaps


def test_only_what_writers_that_were_killed_left_is_cleared(tmp_path: Path) -> None:
    kept = [".env", ".a.md.new", ".a.md.0123456789.new", ".a.md.01234567.bak", "a.md.01234567.new"]
    for name in (*kept, ".a.md.01234567.new", ".b.md.89abcdef.earlier"):
        (tmp_path / name).write_text("")
    files.clear_leftovers(tmp_path, {"b.md"})
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*kept, ".a.md.01234567.new"])
    files.clear_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(kept)
    assert files.is_leftover(".a.md.01234567.new")
    assert not files.is_leftover("a.md")


def refuse(number: int) -> Callable[..., None]:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(number, "refused")

    return refusing


def said(path: Path, action: str, reason: str) -> str:
    return f"^{re.escape(f'{path}: cannot {action}: {reason}')}$"


def test_leftovers_that_cannot_be_removed_are_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".a.md.01234567.new").write_text("")
    monkeypatch.setattr(Path, "unlink", refuse(errno.EACCES))
    expected = said(tmp_path, "remove what a killed process left", "permission denied")
    with pytest.raises(InputError, match=expected):
        files.clear_leftovers(tmp_path)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV])
def test_a_file_system_without_links_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "link", refuse(number))
    assert not files.link(tmp_path / "a", tmp_path / "b")
    files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_any_other_error_of_a_link_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "link", refuse(errno.EIO))
    with pytest.raises(OSError, match="refused"):
        files.link(tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="input/output error"):
        files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("fails_at", range(4))
def test_a_swap_that_fails_anywhere_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """One file replaced, one made, one removed; the last is replaced when they are durable."""
    for name in ("replaced", "removed", "last"):
        (tmp_path / name).write_text(f"old {name}")
    staged: dict[Path, Path | None] = {}
    for name in ("replaced", "made", "last"):
        staged[tmp_path / name] = source = files.beside(tmp_path / name, "new")
        source.write_text(f"new {name}")
    last = staged.pop(tmp_path / "last")
    staged |= {tmp_path / "removed": None, tmp_path / "last": last}
    real, calls = files._rename_over, []

    def fail(target: Path, source: Path | None) -> None:
        calls.append(target)
        if len(calls) == fails_at + 1:
            raise OSError(errno.EIO, "broken")
        real(target, source)

    monkeypatch.setattr(files, "_rename_over", fail)
    reason = "the disk reported an input/output error"
    refused = list(staged)[fails_at]
    action = "remove" if staged[refused] is None else "write"
    with pytest.raises(InputError, match=said(refused, action, reason)):
        files.swap_in(staged)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {name: f"old {name}" for name in ("replaced", "removed", "last")}


def test_a_swap_does_all_of_it_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "removed").write_text("old")
    source = files.beside(tmp_path / "made", "new")
    source.write_text("new")
    files.swap_in({tmp_path / "removed": None, tmp_path / "made": source})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"made": "new"}


def test_a_file_is_removed_and_one_that_is_not_there_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    files.remove_file(path)
    path.symlink_to("nowhere")
    files.remove_file(path)
    assert not os.path.lexists(path)
    path.write_text("")
    monkeypatch.setattr(Path, "unlink", refuse(errno.EROFS))
    with pytest.raises(InputError, match=said(path, "remove", "the file system is read-only")):
        files.remove_file(path)


def test_a_link_out_of_a_folder_is_not_inside_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to(tmp_path / "a")
    assert files.is_inside(tmp_path / "in" / "b", tmp_path / "in")
    assert not files.is_inside(tmp_path / "in" / "out", tmp_path / "in")
    assert not files.is_inside(tmp_path / "in" / ".." / "a", tmp_path / "in")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "whatever it is called here"), "the disk is full"),
        (OSError(errno.ENOTTY, "not a terminal"), "not a terminal"),
        (OSError("something odd"), "something odd"),
    ],
)
def test_an_error_of_the_disk_says_why(tmp_path: Path, error: OSError, reason: str) -> None:
    with (
        pytest.raises(InputError, match=said(tmp_path, "write", reason)),
        files.disk_errors(tmp_path),
    ):
        raise error


def test_a_new_folder_must_be_new(tmp_path: Path) -> None:
    assert files.make_new_directory(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    with pytest.raises(InputError, match=said(tmp_path / "a", "create the folder", "File exists")):
        files.make_new_directory(tmp_path / "a")


def test_what_cannot_be_put_back_does_not_hide_why_it_had_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")
    source = files.beside(tmp_path / "a", "new")
    source.write_text("new")
    real = Path.replace

    def once(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", refuse(errno.EIO))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", once)
    monkeypatch.setattr(files, "sync_directory", refuse(errno.ENOSPC))
    with pytest.raises(InputError, match="the disk is full"):
        files.swap_in({tmp_path / "a": source})


# ------------------------------------------------------------ reading


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    """A pipe would be waited for. None is left open."""
    path, before = tmp_path / "a", open_descriptors()
    path.mkdir()
    stands = "{} stands there, and a file is required"
    with pytest.raises(InputError, match=said(path, "read", stands.format("a folder"))):
        files.read_bytes(path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(InputError, match=said(path, "read", stands.format("a pipe or a device"))):
        files.read_bytes(path)
    path.unlink()
    required = f"^{re.escape(f'{path}: required, but there is no such file')}$"
    with pytest.raises(InputError, match=required):
        files.read_bytes(path)
    with pytest.raises(InputError, match="required, but there can be no such file"):
        files.read_bytes(Path("a\0b"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot read: a part of the path is a file, not a folder"):
        files.read_bytes(tmp_path / "file" / "a")
    assert open_descriptors() == before


def test_as_much_is_read_as_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert files.read_bytes(tmp_path / "a") == b"0123456789"
    assert files.read_bytes(tmp_path / "a", 3) == b"012"


def test_a_disk_that_fails_while_a_file_is_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(io.BytesIO):
        read = staticmethod(refuse(errno.EIO))  # type: ignore[assignment]

    def fail(descriptor: int, _: str) -> io.BytesIO:
        os.close(descriptor)
        return Failing()

    (tmp_path / "a").write_text("")
    monkeypatch.setattr(os, "fdopen", fail)
    expected = said(tmp_path / "a", "read", "the disk reported an input/output error")
    with pytest.raises(InputError, match=expected):
        files.read_bytes(tmp_path / "a")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: not readable as JSON: "):
        files.read_json(path)


def test_the_bytes_that_a_digest_is_of_are_these() -> None:
    """Digests of releases are compared for years, so these bytes never change."""
    value = {"b": [1, 2.5, None, True], "ä": "é", "a": {}}
    assert files.canonical_json(value) == '{"a":{},"b":[1,2.5,null,true],"ä":"é"}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        files.canonical_json(float("nan"))


def test_several_files_are_written_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = tmp_path / "new" / "a", tmp_path / "b"
    files.write_together({first: b"1", last: b"2"})
    assert (first.read_bytes(), last.read_bytes()) == (b"1", b"2")
    real, calls = files.write_new, []

    def second_fails(path: Path, fill: Callable[[IO[bytes]], Any]) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "no space")
        real(path, fill)

    monkeypatch.setattr(files, "write_new", second_fails)
    with pytest.raises(InputError, match=said(last, "write", "the disk is full")):
        files.write_together({first: b"3", last: b"4"})
    assert (first.read_bytes(), last.read_bytes()) == (b"1", b"2")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "new"]


def test_json_for_people_has_one_form() -> None:
    assert files.pretty_json({"ä": [1]}) == '{\n  "ä": [\n    1\n  ]\n}\n'


def test_whatever_a_killed_writer_leaves_is_known_as_its_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")
    seen: set[str] = set()
    real = files._rename_over

    def look(target: Path, source: Path | None) -> None:
        seen.update(path.name for path in tmp_path.iterdir())
        real(target, source)

    monkeypatch.setattr(files, "_rename_over", look)
    files.write_text(tmp_path / "a", "new")
    files.write_together({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    temporary = seen - {"a", "b"}
    assert len(temporary) >= 5
    assert all(files.is_leftover(name) for name in temporary)


def test_removing_what_another_process_has_removed_is_no_error(tmp_path: Path) -> None:
    files.swap_in({tmp_path / "gone": None})
    assert not any(tmp_path.iterdir())


def test_cleaning_up_that_fails_too_does_not_hide_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    monkeypatch.setattr(Path, "unlink", refuse(errno.EIO))
    monkeypatch.setattr(Path, "rmdir", refuse(errno.EIO))
    with pytest.raises(OSError, match="refused") as caught:
        files.write_new(tmp_path / "a", lambda stream: stream.write(b"a"))
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(InputError, match="cannot create the folder: the disk is full"):
        files.make_directory(tmp_path / "new" / "deep")
