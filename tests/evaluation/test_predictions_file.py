"""Kept predictions come back exactly, in reproducible bytes, and never through pickle."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.errors import InputError
from seatrial.evaluation import read_predictions, write_predictions


def arrays():
    random = np.random.default_rng(0)
    return {
        "test_ids": ["a/ünï.png", "b/漢字.png", "c.png"],
        "test_labels": np.array([0, 1, 1]),
        "test_logits": random.normal(size=(3, 2)).astype(np.float32),
        "val_ids": ["v.png"],
        "val_labels": np.array([1]),
        "val_logits": random.normal(size=(1, 2)).astype(np.float32),
    }


def test_what_is_written_is_read_back_bit_for_bit(tmp_path):
    given = arrays()
    write_predictions(tmp_path / "p.npz", **given)
    found = read_predictions(tmp_path / "p.npz")
    assert found.test_ids == tuple(given["test_ids"]) and found.val_ids == ("v.png",)
    assert found.test_logits.dtype == np.float32 and found.test_labels.dtype == np.int64
    for name in ("test_labels", "test_logits", "val_labels", "val_logits"):
        np.testing.assert_array_equal(getattr(found, name), given[name])


def test_equal_predictions_give_equal_bytes(tmp_path):
    for name in ("one.npz", "two.npz"):
        write_predictions(tmp_path / name, **arrays())
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_lengths_that_differ_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"val predictions: .* 1 ids, 2 labels, 1 logits"):
        write_predictions(tmp_path / "p.npz", **arrays() | {"val_labels": np.array([1, 0])})
    assert list(tmp_path.iterdir()) == []


def damaged(path, how):
    write_predictions(path, **arrays())
    whole = path.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "flipped":
        middle = len(whole) // 3
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not an archive")
    elif how == "pickled":
        np.savez(path, **arrays() | {"test_ids": np.array([object()], dtype=object)})
    elif how == "one array":
        with path.open("wb") as stream:
            np.save(stream, np.zeros(3))
    elif how == "missing":
        np.savez(path, test_ids=np.array(["a"]))
    elif how == "mismatched":
        np.savez(path, **arrays() | {"test_labels": np.array([0, 1])})
    elif how == "absent":
        path.unlink()


@pytest.mark.parametrize(
    "how",
    [
        "truncated",
        "flipped",
        "empty",
        "text",
        "pickled",
        "one array",
        "missing",
        "mismatched",
        "absent",
    ],
)
def test_a_file_that_is_not_what_was_written_is_an_input_error_that_names_it(tmp_path, how):
    damaged(tmp_path / "p.npz", how)
    with pytest.raises(InputError, match=r"p\.npz"):
        read_predictions(tmp_path / "p.npz")
