"""Calibration: whether a confidence of 0.9 is right nine times in ten."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seatrial.metrics.arrays import Booleans, Floats, Integers, ratio

BINS = 15


class Bins(NamedTuple):
    """Equal-width bins, each field ``(bins,)``; mean confidence and accuracy NaN where empty."""

    lower: Floats
    upper: Floats
    counts: Integers
    right: Integers
    confidence: Floats
    accuracy: Floats


def bin_of(confidences: Floats, bins: int = BINS) -> Integers:
    """The bin ``[i/bins, (i+1)/bins)`` of each confidence in [0, 1]; 1.0 is in the last bin."""
    if bins < 1 or confidences.size == 0:
        raise ValueError(f"required a bin and a confidence, found {bins} and {confidences.size}")
    if not ((confidences >= 0) & (confidences <= 1)).all():
        raise ValueError("confidences: required [0, 1]")
    edges = np.arange(1, bins) / bins
    return np.asarray(np.searchsorted(edges, confidences, side="right"), dtype=np.int64)


def calibration_bins(confidences: Floats, correct: Booleans, bins: int = BINS) -> Bins:
    """Count, mean confidence and accuracy in equal-width bins. Both inputs ``(N,)``."""
    index = bin_of(confidences, bins)
    counts = np.bincount(index, minlength=bins)
    right = np.bincount(index, weights=correct.astype(np.float64), minlength=bins)
    sums = np.bincount(index, weights=confidences, minlength=bins)
    edges = np.arange(bins + 1) / bins
    return Bins(
        lower=edges[:-1],
        upper=edges[1:],
        counts=counts.astype(np.int64),
        right=right.astype(np.int64),
        confidence=ratio(sums, counts),
        accuracy=ratio(right, counts),
    )


def ece(confidences: Floats, correct: Booleans, bins: int = BINS) -> float:
    """Expected calibration error in [0, 1]: mean |accuracy − confidence| over equal-width bins,
    weighted by count (Guo et al., ICML 2017, eq. 3).

    >>> round(ece(np.array([0.9, 0.9]), np.array([True, False])), 6)
    0.4
    """
    index = bin_of(confidences, bins)
    excess = np.bincount(index, weights=correct - confidences, minlength=bins)
    return float(np.abs(excess).sum() / confidences.size)


def ece_noise_floor(confidences: Floats, bins: int = BINS) -> float:
    """The ECE that a perfectly calibrated model with these confidences is expected to show.

    √(2/π) Σ_b √(Σ_{i∈b} c_i (1 − c_i)) / N: the mean of |normal| with each bin's binomial
    variance. A measured ECE near it says nothing against the model.
    """
    variance = np.bincount(
        bin_of(confidences, bins), weights=confidences * (1 - confidences), minlength=bins
    )
    return float(np.sqrt(2 / np.pi) * np.sqrt(variance).sum() / confidences.size)
