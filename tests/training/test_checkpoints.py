"""Checkpoints on disk: whole, plain, and never worse than the one before."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
import torch

from seatrial.errors import InputError, TrainingError
from seatrial.training import checkpoints
from seatrial.training.checkpoints import FORMAT_VERSION, Writer, read, snapshot, write

TASKS = Path("/proc/self/task")


def content(value: float) -> checkpoints.Content:
    weights = torch.full((3,), value)
    return {"format_version": FORMAT_VERSION, "model_state_dict": {"w": weights}, "epoch": 1}


def test_a_checkpoint_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "a.pt", content(0.5))
    found = read(tmp_path / "a.pt")
    assert torch.equal(found["model_state_dict"]["w"], torch.full((3,), 0.5))
    assert found["epoch"] == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_leave_the_checkpoint_before_untouched(
    tmp_path: Path, bad: float
) -> None:
    path = tmp_path / "a.pt"
    write(path, content(0.5))
    before = path.read_bytes()
    with pytest.raises(TrainingError, match="w holds NaN or infinity"):
        write(path, content(bad))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt"]


def test_a_snapshot_no_longer_follows_the_tensors_it_was_taken_of() -> None:
    weights = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
    taken = snapshot({"a": [weights], "n": 3})
    weights.add_(1)
    assert taken["n"] == 3
    assert torch.equal(taken["a"][0], torch.zeros(2, 3, 4, 4))
    assert taken["a"][0].is_contiguous(memory_format=torch.channels_last)


def test_two_names_of_one_write_part_at_the_next(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.submit(content(1.0), ("best.pt", "last.pt"))
    writer.submit(content(2.0), ("last.pt",))
    writer.wait()
    writer.close()
    values = {name: float(read(tmp_path / name)["model_state_dict"]["w"][0])
              for name in ("best.pt", "last.pt")}  # fmt: skip
    assert values == {"best.pt": 1.0, "last.pt": 2.0}


def test_a_second_name_is_a_copy_where_the_file_system_has_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "a").write_bytes(b"content")
    checkpoints.give_second_name(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"content"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_dropped_files_go_only_after_the_new_ones_stand(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.submit(content(1.0), ("epoch_1.pt", "last.pt"))
    with pytest.raises(TrainingError):
        writer.submit(content(float("nan")), ("epoch_2.pt", "last.pt"), drop=("epoch_1.pt",))
    (tmp_path / "epoch_2.pt").mkdir()
    (tmp_path / "epoch_2.pt" / "in_the_way").touch()
    writer.submit(content(2.0), ("epoch_2.pt", "last.pt"), drop=("epoch_1.pt",))
    with pytest.raises(InputError):
        writer.wait()
    writer.close()
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["epoch_1.pt", "epoch_2.pt", "last.pt"]


@pytest.mark.skipif(not TASKS.is_dir(), reason="threads are counted where Linux lists them")
def test_writing_starts_no_team_of_threads_beside_the_one_that_trains(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        large = torch.ones(1 << 20)
        assert bool(torch.isfinite(large).all())  # the team that trains
        writer, threads = Writer(tmp_path), len(list(TASKS.iterdir()))
        writer.submit(content(1.0) | {"model_state_dict": {"w": large}}, ("last.pt",))
        writer.wait()
        assert len(list(TASKS.iterdir())) <= threads + 1  # the writer's own
        writer.close()
    finally:
        torch.set_num_threads(before)


def test_a_disk_that_takes_nothing_is_an_input_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        write(tmp_path / "file" / "a.pt", content(1.0))
    assert "\n" not in str(caught.value)


class _Custom:
    pass


def _saved(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("bytes_", "said"),
    [
        (None, "no such file"),
        (b"", "not readable"),
        (b"junk" * 100, "not readable"),
        (_saved(content(1.0))[:-200], "not readable"),
        (_saved({"model": _Custom()}), "not readable"),
        (_saved({"w": torch.zeros(1)}), "found none"),
        (_saved([1, 2]), "found none"),
        (_saved({"format_version": 99}), "found 99"),
    ],
    ids=["absent", "empty", "junk", "truncated", "an object", "a bare state dict", "a list", "new"],
)
def test_anything_but_a_checkpoint_of_ours_is_refused_in_one_line(
    tmp_path: Path, bytes_: bytes | None, said: str
) -> None:
    path = tmp_path / "a.pt"
    if bytes_ is not None:
        path.write_bytes(bytes_)
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
