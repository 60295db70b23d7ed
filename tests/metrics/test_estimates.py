"""Estimates: the same on every call, holding their value, and as wide as they should be."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.metrics import TABLE, Predictions, compute, estimates, wilson
from seatrial.metrics.bootstrap import bootstrap
from seatrial.metrics.estimates import NO_SPREAD

RESAMPLED = ["nll", "brier", "ece", "mcc", "f1_weighted"]


def test_the_same_seed_gives_the_same_estimates_and_another_does_not(case):
    first = estimates(*case, 7, seed=3)
    assert estimates(*case, 7, seed=3) == first
    assert estimates(*case, 7, seed=4) != first


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_estimate_is_the_metric_itself_inside_its_interval(name, case):
    found = estimates(*case, 7, seed=0)[name]
    assert found.value == pytest.approx(compute([name], *case, 7)[name])
    low, high = found.interval
    assert TABLE[name].lowest <= low <= found.value <= high <= TABLE[name].highest
    assert 0 < high - low < 1 and found.reason is None


def test_accuracy_has_wilsons_interval(case):
    logits, labels = case
    right = int((logits.argmax(1) == labels).sum())
    assert estimates(*case, 7, seed=0)["acc"].interval == wilson(right, len(labels))


def test_resamples_by_weight_equal_resamples_written_out(case):
    logits, labels = case
    drawn = bootstrap(Predictions.of(logits, labels, 7), seed=11, draws=20)
    random = np.random.default_rng(11)
    for draw in range(20):
        chosen = random.integers(0, len(labels), len(labels))
        expected = compute(RESAMPLED, logits[chosen], labels[chosen], 7)
        assert {name: drawn[name][draw] for name in RESAMPLED} == pytest.approx(expected)


def test_a_class_without_images_counts_as_zero_in_every_resample_too(case):
    logits, labels = case
    labels = np.where(labels == 6, 5, labels)
    averages = ["f1", "precision", "recall", "balanced_acc"]
    drawn = bootstrap(Predictions.of(logits, labels, 7), seed=12, draws=20)
    random, compared = np.random.default_rng(12), 0
    for draw in range(20):
        chosen = random.integers(0, len(labels), len(labels))
        if len(np.unique(labels[chosen])) == 6:
            expected = compute(averages, logits[chosen], labels[chosen], 7)
            assert {name: drawn[name][draw] for name in averages} == pytest.approx(expected)
            compared += 1
    assert compared > 10


def test_a_class_missing_from_a_resample_is_left_out_of_that_resample():
    labels = np.array([0] * 40 + [1])
    drawn = bootstrap(Predictions.of(20.0 * np.eye(2)[labels], labels, 2), seed=0, draws=200)
    assert (drawn["recall"] == 1).all() and (drawn["f1"] == 1).all()


def test_four_times_the_images_halve_the_interval():
    random = np.random.default_rng(5)
    labels = random.integers(0, 5, 2000)
    logits = random.normal(size=(2000, 5)) + 1.5 * np.eye(5)[labels]
    for name in ("f1", "nll", "auc", "mcc"):
        wide, narrow = (
            estimates(logits[:n], labels[:n], 5, seed=0)[name].interval for n in (500, 2000)
        )
        assert (wide[1] - wide[0]) / (narrow[1] - narrow[0]) == pytest.approx(2, rel=0.25)


def test_the_deviation_of_the_area_agrees_with_resampling(case):
    logits, labels = case
    low, high = estimates(logits, labels, 7, seed=0)["auc"].interval
    random, draws = np.random.default_rng(6), []
    for _ in range(300):
        chosen = random.integers(0, len(labels), len(labels))
        draws.append(compute(["auc"], logits[chosen], labels[chosen], 7)["auc"])
    assert high - low == pytest.approx(2 * 1.96 * np.std(draws), rel=0.2)


def test_a_perfect_model_keeps_an_interval_where_there_is_one_and_says_where_not():
    labels = np.arange(60) % 6
    found = estimates(30.0 * np.eye(6)[labels], labels, 6, seed=0)
    assert found["acc"].interval[0] < 1 and found["auc"].interval[0] < 1
    assert found["f1"].value == 1 and found["f1"].interval is None
    assert found["f1"].reason == NO_SPREAD


def test_the_calibration_interval_of_a_calibrated_model_reaches_down_to_nothing():
    random = np.random.default_rng(8)
    logits = 2 * random.normal(size=(400, 4))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (random.random((400, 1)) > shares.cumsum(1)).sum(1)
    found = estimates(logits, labels, 4, seed=0)["ece"]
    assert found.interval[0] < 0.02 <= found.value <= found.interval[1]


def test_terms_of_the_training_loss_give_it_an_interval_of_its_own(case):
    terms = np.random.default_rng(9).exponential(size=300)
    found = estimates(*case, 7, seed=0, losses=terms)
    assert found["loss"].value == pytest.approx(terms.mean())
    assert found["loss"].interval[0] < terms.mean() < found["loss"].interval[1]
    assert found["loss"] != found["nll"]
    with pytest.raises(ValueError, match="one an image"):
        estimates(*case, 7, seed=0, losses=terms[:5])


def test_logits_that_are_not_finite_are_refused(case):
    logits, labels = case
    logits[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        estimates(logits, labels, 7, seed=0)
