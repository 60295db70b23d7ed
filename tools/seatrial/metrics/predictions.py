"""Logits and labels, and what nearly every metric derives from them, derived once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from seatrial.metrics.arrays import (
    Booleans,
    Floats,
    Integers,
    checked_labels,
    checked_scores,
    log_softmax,
)
from seatrial.metrics.confusion import PerClass, confusion_matrix, per_class


@dataclass(frozen=True)
class Predictions:
    """Checked ``(N, K)`` float64 logits and ``(N,)`` int64 labels; use :meth:`of` to make one."""

    logits: Floats
    labels: Integers
    num_classes: int

    @classmethod
    def of(cls, logits: npt.ArrayLike, labels: npt.ArrayLike, num_classes: int) -> Predictions:
        """Check shapes, ranges and finiteness.

        :raises ValueError: naming what was required and found.
        """
        if num_classes < 2:
            raise ValueError(f"num_classes: required at least 2, found {num_classes}")
        whole = checked_labels(labels, num_classes)
        return cls(checked_scores(logits, whole, num_classes), whole, num_classes)

    @cached_property
    def log_probabilities(self) -> Floats:
        return log_softmax(self.logits)

    @cached_property
    def probabilities(self) -> Floats:
        return np.asarray(np.exp(self.log_probabilities))

    @cached_property
    def predicted(self) -> Integers:
        """The class of the largest logit; of equal ones the lowest index."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int64)

    @cached_property
    def correct(self) -> Booleans:
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def confidences(self) -> Floats:
        """Probability of the predicted class, in (0, 1]."""
        return np.asarray(np.minimum(self.probabilities.max(axis=1), 1.0))

    @cached_property
    def confusion(self) -> Integers:
        return confusion_matrix(self.labels, self.predicted, self.num_classes)

    @cached_property
    def per_class(self) -> PerClass:
        return per_class(self.confusion)
