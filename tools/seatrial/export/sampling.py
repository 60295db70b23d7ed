"""Which images calibrate and judge: stratified by class, seeded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def stratified(labels: Integers, count: int, seed: int) -> Integers:
    """Positions of ``count`` of the ``(N,)`` labels, each class in proportion, sorted.

    All of them where there are no more than ``count``. A function of its arguments alone.

    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[stratified(labels, 3, seed=0)].tolist()
    [0, 0, 1]
    """
    if len(labels) <= count:
        return np.arange(len(labels), dtype=np.int64)
    random = np.random.default_rng(seed)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places = (np.arange(len(members)) + random.random()) / len(members)
        position[random.permutation(members)] = places
    chosen = np.argsort(position, kind="stable")[:count]
    return np.sort(chosen).astype(np.int64)
