"""Alarm bounds for a model in use, each from figures measured on this model, by a stated formula.

Windows are compared with a reference that was itself measured on finitely many images, so every
band is as wide as both samples make it: a standard error is s·√(1/n + 1/m), n in the window and
m in the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

WINDOW = 1000
"""Images in a window: the bounds below are for this many."""
DEVIATIONS = 3.0
"""Standard errors to an alarm: 1 false alarm in 370 windows a signal."""
LATENCY_FACTOR = 2.0
MEMORY_FACTOR = 1.5
SPREAD_FACTOR = 1.2
"""Bound on the ratio of an image window's pixel deviation to the one in training."""
CLASS_MIX_LEVEL = 0.001
ACCURACY_DROPS = (0.02, 0.05, 0.1)
_LEVEL, _POWER = 0.05, 0.8


def standard_error(deviation: float, reference: int, window: int = WINDOW) -> float:
    """s·√(1/n + 1/m) of the difference of a window's mean and the reference's."""
    return deviation * math.sqrt(1 / window + 1 / reference)


def band(mean: float, deviation: float, reference: int) -> tuple[float, float]:
    """mean ± 3 standard errors."""
    half = DEVIATIONS * standard_error(deviation, reference)
    return mean - half, mean + half


def share_band(share: float, reference: int) -> tuple[float, float]:
    """Bounds within [0, 1] of a share of a window; a share of 0 or 1 in the reference is taken
    as half an image away from it, so that the band has a width."""
    inner = min(max(share, 0.5 / reference), 1 - 0.5 / reference)
    low, high = band(inner, math.sqrt(inner * (1 - inner)), reference)
    return max(0.0, low), min(1.0, high)


def largest_deviation(mean: float) -> float:
    """The largest standard deviation that values in [0, 1] of this mean can have, √(m(1−m))."""
    return math.sqrt(mean * (1 - mean))


def smoothed(shares: Sequence[float], reference: int) -> list[float]:
    """Expected shares with half an image added to every class, so that none is 0."""
    total = reference + 0.5 * len(shares)
    return [(share * reference + 0.5) / total for share in shares]


def chi_square_bound(classes: int) -> float:
    """The value that χ² with ``classes`` − 1 degrees of freedom exceeds 1 time in 1,000."""
    from scipy.special import chdtri

    return float(chdtri(classes - 1, CLASS_MIX_LEVEL))


def stability_index_bound(classes: int, reference: int) -> float:
    """The population stability index that chance alone exceeds 1 time in 1,000.

    Without a change PSI / (1/n + 1/m) follows χ² with ``classes`` − 1 degrees of freedom for large
    n and m (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020).
    """
    return chi_square_bound(classes) * (1 / WINDOW + 1 / reference)


def labelled_images_needed(accuracy: float, drop: float) -> int | None:
    """Labelled images that show a drop of ``drop``: one-sided, level 5 %, power 80 %.

    ((z₀.₉₅·√(p(1−p)) + z₀.₈₀·√(q(1−q))) / drop)², p the accuracy and q = p − drop; None where
    q is below 0.
    """
    dropped = accuracy - drop
    if dropped < 0:
        return None
    normal = NormalDist()
    spread = normal.inv_cdf(1 - _LEVEL) * largest_deviation(accuracy)
    spread += normal.inv_cdf(_POWER) * largest_deviation(dropped)
    return max(1, math.ceil((spread / drop) ** 2))


def accuracy_alarm(accuracy: float, n: int) -> float:
    """The accuracy on ``n`` labelled images below which it has dropped, at level 5 %."""
    z = NormalDist().inv_cdf(1 - _LEVEL)
    return max(0.0, accuracy - z * largest_deviation(accuracy) / math.sqrt(n))
