"""Weights that make up for classes of different size."""

from __future__ import annotations

from collections.abc import Sequence


def balanced_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """``n / (K · n_k)`` for each class: every class weighs the same in all, and the mean weight
    over the images is 1 (King and Zeng 2001; scikit-learn's ``balanced``).

    :param counts: images of each class.
    :raises ValueError: a class without images has no weight.
    """
    if any(count < 1 for count in counts):
        raise ValueError(f"counts: at least one image a class required, found {list(counts)}")
    total = sum(counts)
    return tuple(total / (len(counts) * count) for count in counts)
