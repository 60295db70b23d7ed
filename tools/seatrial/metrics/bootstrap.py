"""The bootstrap of a whole test set: every metric on the same resamples."""

from __future__ import annotations

import numpy as np

from seatrial.metrics.agreement import mcc_from_counts
from seatrial.metrics.arrays import Booleans, Floats
from seatrial.metrics.calibration import BINS, bin_of
from seatrial.metrics.confusion import PerClass, from_counts
from seatrial.metrics.likelihood import brier_terms, nll_terms
from seatrial.metrics.predictions import Predictions

DRAWS = 1000


def bootstrap(
    predictions: Predictions, *, seed: int, draws: int = DRAWS, losses: Floats | None = None
) -> dict[str, Floats]:
    """Metrics on ``draws`` resamples with replacement, ``(draws,)`` each, by metric name.

    Images are drawn from the whole set, so class sizes vary as they would in another test set. A
    resample is kept as counts by image, from which each metric is a sum. ``losses`` ``(N,)``, whose
    mean is the training criterion, adds ``loss``.
    """
    n, k = predictions.labels.size, predictions.num_classes
    means = _terms(predictions, losses)
    columns = np.stack(list(means.values()), axis=1)
    bins = bin_of(predictions.confidences)
    excess = predictions.correct - predictions.confidences
    sums = np.empty((draws, columns.shape[1]))
    errors = np.empty((draws, BINS))
    hits, support, predicted = (np.empty((draws, k)) for _ in range(3))
    random = np.random.default_rng(seed)
    for draw in range(draws):
        weights = np.bincount(random.integers(0, n, n), minlength=n).astype(np.float64)
        sums[draw] = weights @ columns
        errors[draw] = np.bincount(bins, weights * excess, BINS)
        support[draw] = np.bincount(predictions.labels, weights, k)
        predicted[draw] = np.bincount(predictions.predicted, weights, k)
        hits[draw] = np.bincount(predictions.labels, weights * predictions.correct, k)
    found = {name: sums[:, column] / n for column, name in enumerate(means)}
    found["ece"] = np.abs(errors).sum(axis=1) / n
    found["mcc"] = mcc_from_counts(hits, support, predicted)
    present = support > 0
    absent_always = np.bincount(predictions.labels, minlength=k) == 0
    return found | _averages(from_counts(hits, support, predicted), present, absent_always)


def _terms(predictions: Predictions, losses: Floats | None) -> dict[str, Floats]:
    terms = {
        "nll": nll_terms(predictions.log_probabilities, predictions.labels),
        "brier": brier_terms(predictions.probabilities, predictions.labels),
    }
    if losses is not None:
        if losses.shape != predictions.labels.shape:
            raise ValueError(f"losses: required one an image, found {losses.shape}")
        terms["loss"] = losses
    return terms


def _averages(classes: PerClass, present: Booleans, absent_always: Booleans) -> dict[str, Floats]:
    """Averages over classes in each resample.

    A class that is in the test set but not in the resample is left out of that resample: counting
    it as zero would show scatter that no test set of this kind has.
    """
    counted = present | absent_always

    def mean(values: Floats, among: Booleans) -> Floats:
        return np.asarray((np.nan_to_num(values) * among).sum(axis=1) / among.sum(axis=1))

    weights = classes.support / classes.support.sum(axis=1, keepdims=True)
    return {
        "precision": mean(classes.precision, counted),
        "recall": mean(classes.recall, counted),
        "f1": mean(classes.f1, counted),
        "f1_weighted": np.asarray((np.nan_to_num(classes.f1) * weights).sum(axis=1)),
        "balanced_acc": mean(classes.recall, present),
    }
