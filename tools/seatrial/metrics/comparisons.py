"""Whether two accuracies differ by more than chance."""

from __future__ import annotations

import math

from scipy.special import bdtr, ndtr


def two_proportion_z(successes_1: int, n_1: int, successes_2: int, n_2: int) -> float:
    """Two-sided p-value of the pooled z-test for equal shares in two independent samples.

    One where the samples show no spread at all: both shares 0, or both 1.

    >>> round(two_proportion_z(950, 1000, 1860, 2000), 3)
    0.034
    """
    for successes, n in ((successes_1, n_1), (successes_2, n_2)):
        if n < 1 or not 0 <= successes <= n:
            raise ValueError(f"required 0 to n of at least 1, found {successes} of {n}")
    pooled = (successes_1 + successes_2) / (n_1 + n_2)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / n_1 + 1 / n_2))
    if deviation == 0:
        return 1.0
    return float(2 * ndtr(-abs(successes_1 / n_1 - successes_2 / n_2) / deviation))


def mcnemar_exact(first_only: int, second_only: int, *, mid: bool = False) -> float:
    """Two-sided p-value that two models on the same images are equally often right.

    ``first_only`` images are right for the first model alone, ``second_only`` for the second
    alone; the exact binomial test of McNemar, or its mid-p form (Fagerland et al., BMC Medical
    Research Methodology 13:91, 2013).

    >>> round(mcnemar_exact(2, 10), 6), round(mcnemar_exact(2, 10, mid=True), 4)
    (0.038574, 0.0225)
    """
    if first_only < 0 or second_only < 0:
        raise ValueError(f"required counts, found {first_only} and {second_only}")
    fewer, n = min(first_only, second_only), first_only + second_only
    if n == 0:
        return 1.0
    exact = 2 * float(bdtr(fewer, n, 0.5))
    if mid:
        exact -= math.comb(n, fewer) / 2**n
    return min(1.0, exact)
