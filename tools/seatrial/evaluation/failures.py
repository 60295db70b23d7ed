"""Where the model fails: the most confident mistakes and the most confused pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seatrial.evidence.records import Confusion, Mistake
from seatrial.metrics import Predictions
from seatrial.metrics.arrays import Integers

MISTAKES_SHOWN = 24
PAIRS_SHOWN = 10


def mistakes(
    predictions: Predictions, ids: Sequence[str], classes: Sequence[str]
) -> tuple[Mistake, ...]:
    """The wrong predictions, the most confident first, at most 24; ties in the order of ids."""
    wrong = np.flatnonzero(~predictions.correct).tolist()
    order = sorted(wrong, key=lambda i: (-predictions.confidences[i], ids[i]))
    return tuple(
        Mistake(
            id=ids[i],
            true=classes[predictions.labels[i]],
            predicted=classes[predictions.predicted[i]],
            confidence=float(predictions.confidences[i]),
        )
        for i in order[:MISTAKES_SHOWN]
    )


def confusions(confusion: Integers, classes: Sequence[str]) -> tuple[Confusion, ...]:
    """The pairs confused most often, at most 10; of equal counts the larger share first."""
    support = confusion.sum(axis=1)
    pairs = [
        Confusion(
            true=classes[true],
            predicted=classes[predicted],
            count=int(confusion[true, predicted]),
            share_of_true=float(confusion[true, predicted] / support[true]),
        )
        for true, predicted in np.argwhere(confusion > 0)
        if true != predicted
    ]
    return tuple(sorted(pairs, key=lambda p: (-p.count, -p.share_of_true))[:PAIRS_SHOWN])
