"""Every metric with its 95 % interval, and in words what is undefined or left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri

from seatrial.evidence.records import Estimate
from seatrial.metrics.accuracy import rank_of_true
from seatrial.metrics.arrays import Floats, names_of
from seatrial.metrics.bootstrap import DRAWS, bootstrap
from seatrial.metrics.intervals import (
    Interval,
    auc_interval,
    percentile_interval,
    reflected_interval,
    wilson,
)
from seatrial.metrics.predictions import Predictions
from seatrial.metrics.ranking import placements
from seatrial.metrics.table import TABLE

NO_SPREAD = "no interval: every resample gives the same value"


def estimates(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    num_classes: int,
    *,
    seed: int,
    classes: Sequence[str] | None = None,
    losses: npt.ArrayLike | None = None,
    draws: int = DRAWS,
) -> dict[str, Estimate]:
    """All scalar metrics of ``(N, K)`` logits by name, each with a 95 % interval.

    Wilson's interval for ``acc`` and ``top5``, DeLong's variance for ``auc``, a bootstrap seeded
    with ``seed`` for the others. ``losses`` ``(N,)`` are terms whose mean is the training
    criterion; without them ``loss`` is plain cross entropy. An undefined metric is None, with the
    reason; a defined one carries a reason where classes are left out or count as zero.

    :raises ValueError: for shapes, labels out of range, or logits that are not finite.
    """
    predictions = Predictions.of(logits, labels, num_classes)
    names = list(classes) if classes is not None else [f"class {i}" for i in range(num_classes)]
    terms = None if losses is None else np.asarray(losses, dtype=np.float64)
    drawn = bootstrap(predictions, seed=seed, draws=draws, losses=terms)
    drawn.setdefault("loss", drawn["nll"])
    found = {}
    for name, metric in TABLE.items():
        exact = _EXACT.get(name)
        if exact is not None:
            found[name] = exact(predictions, names)
            continue
        value = (
            float(terms.mean())
            if name == "loss" and terms is not None
            else (metric.value(predictions))
        )
        found[name] = _resampled(name, value, drawn[name], _left_out(name, predictions, names))
    return found


def _resampled(name: str, value: float, draws: Floats, note: str | None) -> Estimate:
    if np.ptp(draws) <= 1e-12 * abs(value):
        return Estimate(value=value, reason="; ".join(filter(None, (note, NO_SPREAD))))
    if name == "ece":
        return Estimate(value=value, interval=reflected_interval(draws, value, 0.0), reason=note)
    return Estimate(value=value, interval=percentile_interval(draws, value), reason=note)


def _accuracy(p: Predictions, _: Sequence[str]) -> Estimate:
    return share(int(p.correct.sum()), p.labels.size)


def _top5(p: Predictions, _: Sequence[str]) -> Estimate:
    if p.num_classes <= 5:
        return Estimate(value=None, reason=f"always 1 with {p.num_classes} classes")
    return share(int((rank_of_true(p.logits, p.labels) < 5).sum()), p.labels.size)


def share(successes: int, n: int) -> Estimate:
    """A share with Wilson's interval; the caller sees to ``n`` of at least 1."""
    return Estimate(value=successes / n, interval=wilson(successes, n))


def _auc(p: Predictions, names: Sequence[str]) -> Estimate:
    influence = np.zeros(p.labels.size)
    values, bounds = [], []
    support = np.bincount(p.labels, minlength=p.num_classes)
    defined = (support > 0) & (support < p.labels.size)
    for k in np.flatnonzero(defined):
        positive = p.labels == k
        placed = placements(p.probabilities[:, k], positive)
        value = float(placed.positive.mean())
        influence[positive] += (placed.positive - value) / support[k]
        influence[~positive] += (placed.negative - value) / (p.labels.size - support[k])
        values.append(value)
        bounds.append(auc_interval(value, int(support[k]), int(p.labels.size - support[k])))
    if not values:
        return Estimate(value=None, reason="the images are of one class only")
    value = float(np.mean(values))
    deviation = float(np.sqrt(np.sum((influence / len(values)) ** 2)))
    without = names_of(names, ~defined)
    note = f"mean over {len(values)} of {p.num_classes} classes, no image of {without}"
    interval = _auc_interval(value, deviation, bounds)
    return Estimate(value=value, interval=interval, reason=note if without else None)


def _auc_interval(value: float, deviation: float, bounds: list[Interval]) -> Interval:
    """Normal on the logit scale, which keeps it within [0, 1]; where the ranking is perfect and
    shows no variance, the mean of the classes' own bounds, which is on the safe side."""
    if not (0 < value < 1 and deviation > 0):
        low, high = np.mean(bounds, axis=0)
        return float(low), float(high)
    half = float(ndtri(0.975)) * deviation / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


_EXACT: dict[str, Callable[[Predictions, Sequence[str]], Estimate]] = {
    "acc": _accuracy,
    "top5": _top5,
    "auc": _auc,
}


def _left_out(name: str, p: Predictions, names: Sequence[str]) -> str | None:
    """What an average over classes says nothing of, or counts as zero."""
    absent = p.confusion.sum(axis=1) == 0
    uncalled = p.confusion.sum(axis=0) == 0
    notes = {
        "precision": (uncalled, "classes never predicted count as 0"),
        "recall": (absent, "classes without an image count as 0"),
        "f1": (absent & uncalled, "classes without an image and never predicted count as 0"),
        "balanced_acc": (absent, "classes without an image do not count"),
    }
    if name == "mcc" and ((~absent).sum() < 2 or (~uncalled).sum() < 2):
        return "0 by convention: labels or predictions are of one class only"
    if name not in notes or not notes[name][0].any():
        return None
    chosen, words = notes[name]
    return f"{words}: {names_of(names, chosen)}"
