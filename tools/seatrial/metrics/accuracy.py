"""Accuracy and its relatives: how often the true class is predicted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seatrial.metrics.arrays import Integers, ratio


def accuracy(predicted: Integers, labels: Integers) -> float:
    """Share of predictions that equal the label, in [0, 1]. Both ``(N,)``.

    >>> accuracy(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]))
    0.75
    """
    if predicted.shape != labels.shape or labels.size == 0:
        raise ValueError(f"required two arrays alike, found {predicted.shape} and {labels.shape}")
    return float(np.mean(predicted == labels))


def rank_of_true(scores: npt.NDArray[np.floating], labels: Integers) -> Integers:
    """How many classes stand before the true one, ``(N,)``: 0 where it is the prediction.

    ``scores`` are ``(N, K)``. Of equal scores the lower index stands first, as in ``argmax``.
    """
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    before = np.arange(scores.shape[1])[None, :] < labels[:, None]
    return np.asarray(((scores > own) | ((scores == own) & before)).sum(axis=1), dtype=np.int64)


def top_k(scores: npt.NDArray[np.floating], labels: Integers, k: int) -> float:
    """Share of samples whose true class is among the ``k`` highest scores, in [0, 1].

    >>> top_k(np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), np.array([1, 2]), 2)
    0.5
    """
    if not 1 <= k <= scores.shape[1]:
        raise ValueError(f"k: required 1 to {scores.shape[1]}, found {k}")
    return float(np.mean(rank_of_true(scores, labels) < k))


def balanced_accuracy(confusion: Integers) -> float:
    """Mean recall of the classes that have samples, in [0, 1], from a ``(K, K)`` confusion matrix.

    A class without samples has no recall and does not enter, as in
    ``sklearn.metrics.balanced_accuracy_score``.
    """
    recalls = ratio(np.diag(confusion), confusion.sum(axis=1))
    return float(np.nanmean(recalls)) if confusion.any() else float("nan")
