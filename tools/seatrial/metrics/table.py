"""The table of metrics: one pure function of :class:`Predictions` for each name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.config.metric_names import METRICS
from seatrial.errors import ConfigurationError
from seatrial.metrics.accuracy import accuracy, balanced_accuracy, top_k
from seatrial.metrics.agreement import mcc
from seatrial.metrics.calibration import ece
from seatrial.metrics.confusion import macro, weighted
from seatrial.metrics.likelihood import brier, nll
from seatrial.metrics.predictions import Predictions
from seatrial.metrics.ranking import auc_per_class, macro_auc


@dataclass(frozen=True)
class Metric:
    """A scalar metric: its value (NaN where undefined) and its range."""

    value: Callable[[Predictions], float]
    lowest: float
    highest: float


def _top5(p: Predictions) -> float:
    """Undefined for five classes or fewer, where it would always be 1."""
    return top_k(p.logits, p.labels, 5) if p.num_classes > 5 else float("nan")


TABLE = {
    "loss": Metric(lambda p: nll(p.log_probabilities, p.labels), 0, np.inf),
    "acc": Metric(lambda p: accuracy(p.predicted, p.labels), 0, 1),
    "balanced_acc": Metric(lambda p: balanced_accuracy(p.confusion), 0, 1),
    "f1": Metric(lambda p: macro(p.per_class.f1), 0, 1),
    "f1_weighted": Metric(lambda p: weighted(p.per_class.f1, p.per_class.support), 0, 1),
    "precision": Metric(lambda p: macro(p.per_class.precision), 0, 1),
    "recall": Metric(lambda p: macro(p.per_class.recall), 0, 1),
    "auc": Metric(lambda p: macro_auc(auc_per_class(p.probabilities, p.labels)), 0, 1),
    "mcc": Metric(lambda p: mcc(p.confusion), -1, 1),
    "nll": Metric(lambda p: nll(p.log_probabilities, p.labels), 0, np.inf),
    "brier": Metric(lambda p: brier(p.probabilities, p.labels), 0, 2),
    "ece": Metric(lambda p: ece(p.confidences, p.correct), 0, 1),
    "top5": Metric(_top5, 0, 1),
}
"""Every name of ``config.metric_names`` but ``confusion_matrix``, which is no scalar."""


def compute(
    names: Sequence[str],
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    num_classes: int,
    *,
    loss: float | None = None,
) -> dict[str, float | None]:
    """The named metrics (without ``val_`` or ``test_``), fast enough for every epoch.

    ``logits`` are ``(N, num_classes)`` of any float type, ``labels`` ``(N,)``; sums are in
    float64. ``loss`` is the training criterion's value where it is not plain cross entropy. A
    metric is None where it is undefined, ``confusion_matrix`` always, and every metric where a
    logit is not finite.

    :raises ConfigurationError: for a name that does not exist, listing those that do.
    :raises ValueError: for shapes or labels out of range.

    >>> compute(["acc"], [[2.0, 1.0], [0.0, 1.0]], [0, 0], 2)
    {'acc': 0.5}
    """
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise ConfigurationError(
            f"metrics: required names among {', '.join(METRICS)}; found {', '.join(unknown)}"
        )
    if not np.isfinite(np.asarray(logits)).all():
        return dict.fromkeys(names)
    predictions = Predictions.of(logits, labels, num_classes)
    values = {name: TABLE[name].value(predictions) if name in TABLE else None for name in names}
    if loss is not None and "loss" in values:
        values["loss"] = loss
    return {
        name: None if value is None or not np.isfinite(value) else float(value)
        for name, value in values.items()
    }
