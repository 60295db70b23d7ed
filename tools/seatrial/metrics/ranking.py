"""Ranking: the area under the ROC curve, one class against the rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seatrial.metrics.arrays import Booleans, Floats, Integers


class Placements(NamedTuple):
    """Share of the other side that each sample is ranked beyond, ties half: ``(P,)``, ``(M,)``.

    The mean of either is the AUC (DeLong et al., Biometrics 44, 1988, eq. 4 and 5).
    """

    positive: Floats
    negative: Floats


def placements(scores: Floats, positive: Booleans) -> Placements:
    """Placement values of binary scores ``(N,)``; needs both positives and negatives."""
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    if above.size == 0 or below.size == 0:
        raise ValueError(f"required both kinds, found {above.size} positives, {below.size} others")
    return Placements(_beyond(scores[positive], below), 1 - _beyond(scores[~positive], above))


def _beyond(values: Floats, others: Floats) -> Floats:
    left = np.searchsorted(others, values, side="left")
    right = np.searchsorted(others, values, side="right")
    return np.asarray((left + right) / (2 * others.size))


def auc(scores: Floats, positive: Booleans) -> float:
    """Area under the ROC curve in [0, 1]: the chance that a positive scores above a negative, ties
    counting half. NaN without positives or without negatives.

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    if not positive.any() or positive.all():
        return float("nan")
    others = np.sort(scores[~positive])
    return float(_beyond(scores[positive], others).mean())


def auc_per_class(scores: Floats, labels: Integers) -> Floats:
    """AUC of each class against the rest, ``(K,)``; NaN for a class without positives (or with
    nothing else). ``scores`` are ``(N, K)``, best probabilities: logits compare otherwise.
    """
    classes = range(scores.shape[1])
    return np.array([auc(scores[:, k], labels == k) for k in classes], dtype=np.float64)


def macro_auc(per_class: Floats) -> float:
    """Unweighted mean over the classes that have an AUC; NaN where none has."""
    defined = per_class[~np.isnan(per_class)]
    return float(defined.mean()) if defined.size else float("nan")
