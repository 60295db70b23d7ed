"""Proper scores of probabilities: negative log-likelihood and Brier."""

from __future__ import annotations

import numpy as np

from seatrial.metrics.arrays import Floats, Integers


def nll_terms(log_probabilities: Floats, labels: Integers) -> Floats:
    """Negative log-probability of the true class in nats, ``(N,)``, at least 0."""
    return np.asarray(-np.take_along_axis(log_probabilities, labels[:, None], axis=1)[:, 0])


def nll(log_probabilities: Floats, labels: Integers) -> float:
    """Mean negative log-likelihood in nats; plain cross entropy. ``(N, K)`` and ``(N,)``."""
    return float(nll_terms(log_probabilities, labels).mean())


def brier_terms(probabilities: Floats, labels: Integers) -> Floats:
    """Squared distance of probabilities and one-hot truth, ``(N,)`` in [0, 2]."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    return np.asarray((probabilities**2).sum(axis=1) - 2 * own + 1)


def brier(probabilities: Floats, labels: Integers) -> float:
    """Mean Brier score in [0, 2] (Brier, Monthly Weather Review 78, 1950, eq. 2).

    For two classes it is twice ``sklearn.metrics.brier_score_loss`` of one of them.
    """
    return float(brier_terms(probabilities, labels).mean())
