"""``predictions.npz``: every image's logits, so that no model runs twice on the same data."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seatrial.archives.arrays import arrays_problem
from seatrial.errors import InputError
from seatrial.files import disk_errors, write_with

_ARRAYS = ("test_ids", "test_labels", "test_logits", "val_ids", "val_labels", "val_logits")


@dataclass(frozen=True)
class StoredPredictions:
    """Ids as strings ``(N,)``, labels ``(N,)`` int64, logits ``(N, K)`` float32, of two splits."""

    test_ids: tuple[str, ...]
    test_labels: npt.NDArray[np.int64]
    test_logits: npt.NDArray[np.float32]
    val_ids: tuple[str, ...]
    val_labels: npt.NDArray[np.int64]
    val_logits: npt.NDArray[np.float32]


def write_predictions(
    path: Path,
    *,
    test_ids: Sequence[str],
    test_labels: npt.NDArray[np.int64],
    test_logits: npt.NDArray[np.float32],
    val_ids: Sequence[str],
    val_labels: npt.NDArray[np.int64],
    val_logits: npt.NDArray[np.float32],
) -> None:
    """Write the predictions atomically; equal predictions give equal bytes, without pickle.

    :raises ValueError: where a split's ids, labels and logits are not of one length.
    """
    splits = {
        "test": (test_ids, test_labels, test_logits),
        "val": (val_ids, val_labels, val_logits),
    }
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for split, (ids, labels, logits) in splits.items():
        if not len(ids) == len(labels) == len(logits):
            found = f"{len(ids)} ids, {len(labels)} labels, {len(logits)} logits"
            raise ValueError(f"{split} predictions: required one length, found {found}")
        arrays[f"{split}_ids"] = np.array(list(ids), dtype=np.str_)
        arrays[f"{split}_labels"] = np.asarray(labels, dtype=np.int64)
        arrays[f"{split}_logits"] = np.asarray(logits, dtype=np.float32)
    write_with(path, lambda stream: np.savez_compressed(stream, allow_pickle=False, **arrays))


def read_predictions(path: Path) -> StoredPredictions:
    """Read what :func:`write_predictions` wrote.

    :raises InputError: for a file that is absent, damaged, or of another kind.
    """
    with disk_errors(path, "read"):
        problem = arrays_problem(path) if path.exists() else None
    if problem:
        raise InputError(f"{path}: required predictions as an .npz file: {problem}")
    try:
        with disk_errors(path, "read"), np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in _ARRAYS}
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, TypeError) as error:
        raise InputError(f"{path}: required predictions as an .npz file: {error}") from None
    stored = StoredPredictions(
        test_ids=tuple(arrays["test_ids"].tolist()),
        test_labels=arrays["test_labels"],
        test_logits=arrays["test_logits"],
        val_ids=tuple(arrays["val_ids"].tolist()),
        val_labels=arrays["val_labels"],
        val_logits=arrays["val_logits"],
    )
    _check(path, stored)
    return stored


def _check(path: Path, stored: StoredPredictions) -> None:
    for split in ("test", "val"):
        labels, logits = getattr(stored, f"{split}_labels"), getattr(stored, f"{split}_logits")
        count = len(getattr(stored, f"{split}_ids"))
        fits = labels.shape == (count,) and logits.ndim == 2 and len(logits) == count
        if not fits or labels.dtype != np.int64 or logits.dtype != np.float32:
            raise InputError(
                f"{path}: required {count} int64 labels and float32 logits of {split}, found "
                f"{labels.dtype} {labels.shape} and {logits.dtype} {logits.shape}"
            )
