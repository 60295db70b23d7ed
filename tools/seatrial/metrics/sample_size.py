"""How many test images a claim needs."""

from __future__ import annotations

import math

from seatrial.metrics.intervals import wilson


def required_test_size(accuracy: float, target: float) -> int | None:
    """The least n at which Wilson's lower bound of ``accuracy`` reaches ``target``; both in [0, 1].

    n = z² t(1 − t) / (a − t)², Wilson's inequality solved for n. None where the accuracy does not
    exceed the target: no number of images proves it then.

    >>> required_test_size(0.972, 0.95)
    378
    """
    if not (0 <= accuracy <= 1 and 0 <= target <= 1):
        raise ValueError(f"required fractions, found accuracy {accuracy} and target {target}")
    if accuracy <= target:
        return None
    z_squared = 1.959963984540054**2
    return max(1, math.ceil(z_squared * target * (1 - target) / (accuracy - target) ** 2))


def proves(successes: int, n: int, target: float) -> bool:
    """Whether ``successes`` of ``n`` show a share of at least ``target``: Wilson's lower bound."""
    return wilson(successes, n)[0] >= target
