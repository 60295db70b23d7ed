"""Agreement beyond chance between labels and predictions."""

from __future__ import annotations

import numpy as np

from seatrial.metrics.arrays import Counts, Floats, Integers


def mcc(confusion: Integers) -> float:
    """Matthews correlation coefficient of a ``(K, K)`` confusion matrix, in [−1, 1].

    The multi-class form, R_K of Gorodkin (Computational Biology and Chemistry 28, 2004, eq. 8).
    Zero where labels or predictions are of one class only, the usual convention.

    >>> mcc(np.array([[2, 0], [0, 3]]))
    1.0
    """
    return float(mcc_from_counts(np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)))


def mcc_from_counts(hits: Counts, support: Counts, predicted: Counts) -> Floats:
    """The same from counts by class, each ``(..., K)``: right, truly so, and called so."""
    t, p = np.asarray(support, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    n = t.sum(axis=-1)
    covariance = np.asarray(hits, dtype=np.float64).sum(axis=-1) * n - (t * p).sum(axis=-1)
    spread = (n**2 - (p**2).sum(axis=-1)) * (n**2 - (t**2).sum(axis=-1))
    safe = np.where(spread > 0, spread, 1.0)
    return np.asarray(np.where(spread > 0, covariance / np.sqrt(safe), 0.0))


def cohen_kappa(confusion: Integers) -> float:
    """Cohen's kappa of a ``(K, K)`` confusion matrix, in [−1, 1]; NaN where chance agrees always.

    (Cohen, Educational and Psychological Measurement 20, 1960.)
    """
    shares = confusion / confusion.sum()
    by_chance = float(shares.sum(axis=1) @ shares.sum(axis=0))
    return float((np.trace(shares) - by_chance) / (1 - by_chance)) if by_chance < 1 else np.nan
