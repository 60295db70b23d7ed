"""Calibration error against hand values, an independent sum, and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.metrics import calibration_bins, compute, ece, ece_noise_floor

CONFIDENCES = np.array([0.95, 0.85, 0.85, 0.75, 0.65, 0.55, 0.95, 0.35, 0.99, 0.61])
CORRECT = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 0], dtype=bool)


def test_the_published_ten_points_give_their_published_error():
    assert ece(CONFIDENCES, CORRECT, bins=10) == pytest.approx(0.312, abs=1e-9)


def test_the_error_is_the_weighted_gap_of_the_bins():
    random = np.random.default_rng(0)
    confidences = random.random(500)
    correct = random.random(500) < confidences**2
    bins = calibration_bins(confidences, correct)
    filled = bins.counts > 0
    gaps = np.abs(bins.accuracy - bins.confidence)[filled]
    assert ece(confidences, correct) == pytest.approx((gaps * bins.counts[filled]).sum() / 500)
    by_hand = 0.0
    for low in range(15):
        inside = [i for i, c in enumerate(confidences) if low / 15 <= c < (low + 1) / 15]
        if inside:
            by_hand += abs(correct[inside].mean() - confidences[inside].mean()) * len(inside) / 500
    assert ece(confidences, correct) == pytest.approx(by_hand)


def test_certainty_lies_in_the_last_bin_and_edges_open_upwards():
    bins = calibration_bins(np.array([0.0, 0.5, 0.999, 1.0]), np.ones(4, dtype=bool), bins=2)
    assert bins.counts.tolist() == [1, 3]
    assert calibration_bins(np.ones(3), np.ones(3, dtype=bool)).counts.tolist() == [0] * 14 + [3]


def test_empty_bins_have_no_accuracy():
    bins = calibration_bins(np.array([0.9]), np.array([True]), bins=3)
    assert np.isnan(bins.accuracy[:2]).all() and bins.accuracy[2] == 1


@pytest.mark.parametrize("wrong", [np.array([1.01]), np.array([-0.1]), np.array([])])
def test_confidences_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="required"):
        ece(wrong, np.zeros(len(wrong), dtype=bool))


def test_the_noise_floor_is_what_a_calibrated_model_shows_on_average():
    random = np.random.default_rng(1)
    confidences = random.uniform(0.3, 1.0, 2000)
    shown = [ece(confidences, random.random(2000) < confidences) for _ in range(200)]
    assert ece_noise_floor(confidences) == pytest.approx(np.mean(shown), rel=0.05)


def test_the_metric_of_the_table_is_the_same_error():
    random = np.random.default_rng(2)
    logits, labels = random.normal(size=(200, 4)), random.integers(0, 4, 200)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = ece(shares.max(1), shares.argmax(1) == labels)
    assert compute(["ece"], logits, labels, 4)["ece"] == pytest.approx(expected)
