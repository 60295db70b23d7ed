"""95 % intervals from counts: how far a share, a difference of shares, F1 or AUC can be trusted."""

from __future__ import annotations

import math

from scipy.special import ndtri

from seatrial.metrics.arrays import Floats

Interval = tuple[float, float]
CONFIDENCE = 0.95


def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: required between 0 and 1, found {confidence}")
    return float(ndtri((1 + confidence) / 2))


def wilson(successes: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a share (JASA 22, 1927), in [0, 1].

    :raises ValueError: unless 0 ≤ ``successes`` ≤ ``n`` and ``n`` is at least 1.

    >>> [round(bound, 5) for bound in wilson(8, 10)]
    [0.49016, 0.94332]
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"required 0 to n of at least 1, found {successes} of {n}")
    z, share = _z(confidence), successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    lower = 0.0 if successes == 0 else centre - half
    upper = 1.0 if successes == n else centre + half
    return max(0.0, lower), min(1.0, upper)


def newcombe_difference(
    successes_1: int, n_1: int, successes_2: int, n_2: int, confidence: float = CONFIDENCE
) -> Interval:
    """Interval of share 1 minus share 2, two independent samples, in [−1, 1].

    Newcombe's hybrid score interval without continuity correction (Statistics in Medicine 17,
    1998, p. 873, method 10).

    >>> [round(bound, 4) for bound in newcombe_difference(950, 1000, 1860, 2000)]
    [0.0015, 0.0369]
    """
    share_1, share_2 = successes_1 / n_1, successes_2 / n_2
    low_1, high_1 = wilson(successes_1, n_1, confidence)
    low_2, high_2 = wilson(successes_2, n_2, confidence)
    difference = share_1 - share_2
    return (
        difference - math.hypot(share_1 - low_1, high_2 - share_2),
        difference + math.hypot(high_1 - share_1, share_2 - low_2),
    )


def f1_interval(hits: int, support: int, predicted: int) -> Interval:
    """Interval of one class's F1 in [0, 1], from its counts: right, truly so, and called so.

    F1 = 2J / (1 + J), where J is the share of hits among the images that are or are called the
    class; Wilson's interval of J is carried over ("Wilson indirect" of Lam et al.,
    arXiv 2309.14621).
    """
    low, high = wilson(hits, support + predicted - hits)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def auc_interval(auc: float, positives: int, negatives: int) -> Interval:
    """Interval of one class's AUC in [0, 1] from its value and the counts on either side.

    The values of which the measured one is a likely result: |θ − auc| ≤ z √V(θ), V after Hanley
    and McNeil with both counts as (P + M)/2 − 1 in its bracket (Newcombe, Statistics in Medicine
    25, 2006, p. 559, method 5). It does not shrink to a point where the ranking is perfect.
    """
    if positives < 1 or negatives < 1 or not 0 <= auc <= 1:
        raise ValueError(f"required both kinds, found AUC {auc} of {positives} and {negatives}")
    z, reduced = _z(CONFIDENCE), (positives + negatives) / 2 - 1

    def spread(theta: float) -> float:
        bracket = 1 + reduced * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return z * math.sqrt(theta * (1 - theta) * bracket / (positives * negatives))

    def edge(inside: float, outside: float) -> float:
        for _ in range(60):
            middle = (inside + outside) / 2
            if abs(middle - auc) <= spread(middle):
                inside = middle
            else:
                outside = middle
        return inside

    return edge(auc, 0.0), edge(auc, 1.0)


def percentile_interval(draws: Floats, value: float) -> Interval:
    """The middle 95 % of bootstrap ``draws`` ``(B,)``, widened where need be to hold ``value``.

    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.)
    """
    low, high = _tails(draws)
    return min(low, value), max(high, value)


def reflected_interval(draws: Floats, value: float, lowest: float) -> Interval:
    """The basic bootstrap interval, for a statistic that resampling biases upwards, as the ECE.

    [2·value − high, 2·value − low], no lower than ``lowest``, widened to hold ``value``
    (Davison and Hinkley, Bootstrap Methods, 1997, eq. 5.6).
    """
    low, high = _tails(draws)
    return max(lowest, min(value, 2 * value - high)), max(value, 2 * value - low)


def _tails(draws: Floats) -> Interval:
    ordered = sorted(float(draw) for draw in draws)
    cut = int((1 - CONFIDENCE) / 2 * len(ordered))
    return ordered[cut], ordered[-1 - cut]
