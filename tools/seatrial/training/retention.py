"""Which epochs keep a checkpoint of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping

from seatrial.training.early_stopping import better


def top(values: Mapping[int, float | None], metric: str, k: int) -> set[int]:
    """The ``k`` epochs with the best defined values of ``metric``; the earlier one at a tie."""
    kept: list[int] = []
    for epoch in sorted(values):
        value = values[epoch]
        if value is None or not math.isfinite(value):
            continue
        place = next(
            (i for i, other in enumerate(kept) if better(metric, value, values[other])), len(kept)
        )
        kept.insert(place, epoch)
    return set(kept[:k])


def kept_epochs(
    values: Mapping[int, float | None], metric: str, *, finished: int, every: int | None, top_k: int
) -> set[int]:
    """The epochs up to ``finished`` whose ``epoch_N.pt`` is kept: every n-th, and the best ``k``.

    ``values`` are the monitored metric by validated epoch. A pure function of the history, so a
    resumed run keeps what the uninterrupted one would.
    """
    regular = {e for e in range(1, finished + 1) if every is not None and e % every == 0}
    return regular | top(values, metric, top_k)
