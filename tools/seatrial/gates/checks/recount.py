"""Predictions and splits counted anew: a claim that passes must follow from them too.

A record says what the evaluation found. Whoever edits a record, and its manifest with it, has not
yet edited the logits that it was computed from.
"""

from __future__ import annotations

import functools
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seatrial.archives.arrays import arrays_problem
from seatrial.gates.checks.case import Case
from seatrial.gates.verdicts import Finding, NotChecked

PREDICTIONS = "predictions.npz"
SPLITS = "splits.json"
TOLERANCE = 1e-6
_BINS = 15


@dataclass(frozen=True)
class Counted:
    """What the logits of the test and validation images say."""

    test_ids: frozenset[str]
    n_test: int
    confusion: npt.NDArray[np.int64]
    """Test images by true class (row) and most probable class (column)."""
    val_acc: float
    ece: float

    @property
    def test_acc(self) -> float:
        """Share of test images whose most probable class is the true one."""
        return float(np.trace(self.confusion)) / self.n_test

    def f1(self, index: int) -> float:
        """F1 of a class; 0 where neither a label nor an answer is of it."""
        both = int(self.confusion[index].sum() + self.confusion[:, index].sum())
        return 2 * int(self.confusion[index, index]) / both if both else 0.0


def counted(case: Case) -> Counted:
    """The kept predictions, counted.

    :raises NotChecked: the file is missing, or holds something else.
    """
    path = case.evidence.place("evaluate", PREDICTIONS)
    digest = case.evidence.digest("evaluate", PREDICTIONS) or ""
    try:
        return _count(path, digest)
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError) as error:
        raise NotChecked(f"{PREDICTIONS} cannot be read: {error}") from None


def split_of_images(case: Case) -> dict[str, dict[str, str]]:
    """For each split the content digest of its images, by id.

    :raises NotChecked: ``splits.json`` is missing, or holds something else.
    """
    path = case.evidence.place("data", SPLITS)
    try:
        return _splits(path, case.evidence.digest("data", SPLITS) or "")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotChecked(f"{SPLITS} cannot be read: {error!r}") from None


def borne_out(
    case: Case,
    finding: Finding,
    figures: Callable[[Counted], dict[str, tuple[float | None, float]]],
) -> Finding:
    """``finding``, unless it passes on a figure that the predictions do not give.

    :raises NotChecked: they differ, or the predictions cannot be read.
    """
    if finding.verdict == "PASS":
        for name, (recorded, again) in figures(counted(case)).items():
            if recorded is None or not abs(recorded - again) <= TOLERANCE:
                found = "undefined" if recorded is None else f"{recorded:.6g}"
                raise NotChecked(f"{name} is recorded as {found}, {PREDICTIONS} gives {again:.6g}")
    return finding


@functools.lru_cache(maxsize=2)
def _count(path: Path, digest: str) -> Counted:  # noqa: ARG001, part of the cache's key
    """``digest``, of the file as it is now, keeps the cache from outliving a change."""
    if problem := arrays_problem(path):
        raise ValueError(problem)
    with np.load(path, allow_pickle=False) as archive:
        ids = archive["test_ids"]
        test = _arrays(archive["test_labels"], archive["test_logits"])
        val = _arrays(archive["val_labels"], archive["val_logits"])
    if len(ids) != len(test[0]):
        raise ValueError(f"{len(ids)} names for {len(test[0])} images")
    labels, logits = test
    answers = logits.argmax(axis=1)
    classes = logits.shape[1]
    cells = np.bincount(labels * classes + answers, minlength=classes * classes)
    return Counted(
        test_ids=frozenset(ids.tolist()),
        n_test=len(labels),
        confusion=cells.reshape(classes, classes),
        val_acc=float((val[1].argmax(axis=1) == val[0]).mean()),
        ece=_calibration_error(logits, answers == labels),
    )


def _arrays(
    labels: npt.NDArray[np.int64], logits: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not labels.size:
        raise ValueError(f"labels {labels.shape} and logits {logits.shape} do not fit")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError("a label is no class")
    if not np.isfinite(logits).all():
        raise ValueError("a logit is not a number")
    return labels, logits.astype(np.float64)


def _calibration_error(logits: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Guo et al., ICML 2017, eq. 3, over 15 bins of equal width; 1.0 is in the last one."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidences = 1 / powers.sum(axis=1)
    bins = np.searchsorted(np.arange(1, _BINS) / _BINS, confidences, side="right")
    excess = np.bincount(bins, weights=right - confidences, minlength=_BINS)
    return float(np.abs(excess).sum() / len(confidences))


@functools.lru_cache(maxsize=2)
def _splits(path: Path, digest: str) -> dict[str, dict[str, str]]:  # noqa: ARG001, as above
    found: dict[str, dict[str, str]] = {}
    for image in json.loads(path.read_text(encoding="utf-8"))["images"]:
        found.setdefault(image["split"], {})[image["id"]] = image["sha256"]
    return found
