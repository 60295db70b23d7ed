"""The confusion matrix, and precision, recall and F1 from it.

Two rules hold throughout. A class's figure whose denominator is zero is NaN: undefined. An average
over classes is over *all* classes of the task, an undefined one counting as zero, so that it does
not rise when a class goes missing (``labels=`` all classes and ``zero_division=0`` in
scikit-learn's terms).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seatrial.metrics.arrays import Counts, Floats, Integers, ratio


class PerClass(NamedTuple):
    """Precision, recall and F1 by class, each ``(K,)`` in [0, 1] or NaN; ``support`` counts.

    Precision is undefined for a class never predicted, recall for one without samples, F1 for one
    that is neither. A class with samples that is never predicted has F1 zero.
    """

    precision: Floats
    recall: Floats
    f1: Floats
    support: Floats


def confusion_matrix(labels: Integers, predicted: Integers, num_classes: int) -> Integers:
    """Counts ``(K, K)`` int64: rows are true classes, columns predicted ones.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    cells = labels * num_classes + predicted
    counts = np.bincount(cells, minlength=num_classes**2)
    return np.asarray(counts.reshape(num_classes, num_classes), dtype=np.int64)


def per_class(confusion: Integers) -> PerClass:
    """Precision, recall and F1 of every class."""
    return from_counts(np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0))


def from_counts(hits: Counts, support: Counts, predicted: Counts) -> PerClass:
    """The same from counts by class, each ``(..., K)``: right, truly so, and called so."""
    return PerClass(
        precision=ratio(hits, predicted),
        recall=ratio(hits, support),
        f1=ratio(2 * np.asarray(hits), np.asarray(support) + np.asarray(predicted)),
        support=np.asarray(support, dtype=np.float64),
    )


def macro(values: Floats) -> float:
    """Unweighted mean over all classes, an undefined one counting as zero."""
    return float(np.nan_to_num(values, nan=0.0).mean())


def weighted(values: Floats, support: Floats) -> float:
    """Mean over classes weighted by support; a class without samples has no weight."""
    return float(np.dot(np.nan_to_num(values, nan=0.0), support) / support.sum())
