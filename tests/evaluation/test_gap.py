"""The gap between validation and test: size, chance, judgement, causes."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.evaluation.gap import accuracy_gap, judge
from seatrial.metrics import Predictions

CLASSES = ["a", "b", "c"]


def predictions(right, wrong, confidence=3.0):
    """Per class so many right and so many called the next class."""
    labels, called = [], []
    for k, (good, bad) in enumerate(zip(right, wrong, strict=True)):
        labels += [k] * (good + bad)
        called += [k] * good + [(k + 1) % 3] * bad
    return Predictions.of(confidence * np.eye(3)[called], np.array(labels), 3)


def gap(val, test, max_gap=0.05, leaked_pairs=0, train_acc=None):
    return accuracy_gap(
        val, test, CLASSES, max_gap=max_gap, leaked_pairs=leaked_pairs, train_acc=train_acc
    )


@pytest.mark.parametrize(
    ("value", "max_gap", "judgement"),
    [
        (-0.2, 0.05, "too large"),
        (-0.0199, 0.05, "good"),
        (-0.03, 0.05, "acceptable"),
        (0.0199, 0.05, "good"),
        (0.02, 0.05, "acceptable"),
        (0.9 - 0.85, 0.05, "acceptable"),  # above 0.05 by rounding only
        (0.0501, 0.05, "too large"),
        (0.015, 0.01, "too large"),
        (0.06, 0.08, "acceptable"),
    ],
)
def test_under_two_points_is_good_and_above_the_bound_too_large(value, max_gap, judgement):
    assert judge(value, max_gap) == judgement


def test_the_published_samples_give_the_published_interval_and_p_value():
    found = gap(predictions((950, 0, 0), (50, 0, 0)), predictions((1860, 0, 0), (140, 0, 0)))
    assert found.value == pytest.approx(0.02)
    assert found.interval == pytest.approx((0.0015, 0.0369), abs=5e-5)
    assert found.p_value == pytest.approx(0.034, abs=5e-4)


def test_a_good_gap_has_no_causes():
    same = predictions((90, 90, 90), (10, 10, 10))
    assert gap(same, same, leaked_pairs=3).causes == ()


def test_equal_images_across_splits_are_named_as_leakage():
    found = gap(
        predictions((95, 95, 95), (5, 5, 5)),
        predictions((85, 85, 85), (15, 15, 15)),
        leaked_pairs=7,
    )
    assert found.judgement == "too large"
    assert found.causes[0].startswith("leakage: 7 pairs of equal images cross the splits")


def test_small_samples_are_named_where_chance_explains_the_gap():
    found = gap(predictions((10, 10, 9), (0, 0, 1)), predictions((9, 9, 9), (1, 1, 1)))
    assert found.causes[0] == (
        "small samples: 30 validation and 30 test images do not tell this gap from none"
    )
    assert not any("choices fitted" in cause for cause in found.causes)


def test_a_training_accuracy_far_above_validation_is_named_as_overfitting():
    val, test = predictions((80, 80, 80), (20, 20, 20)), predictions((60, 60, 60), (40, 40, 40))
    assert (
        "overfitting: training accuracy is 19.0 points above"
        in gap(val, test, train_acc=0.99).causes[0]
    )
    assert not any("overfitting:" in cause for cause in gap(val, test, train_acc=0.82).causes)


def test_other_shares_of_the_classes_are_named_with_what_they_explain():
    val = predictions((300, 300, 50), (0, 0, 50))
    test = predictions((100, 100, 200), (0, 0, 200))
    causes = gap(val, test).causes
    assert any(cause.startswith("split shift: the classes' shares differ") for cause in causes)
    assert not any("one class" in cause for cause in causes)


def test_other_shares_that_explain_little_are_not_named():
    val = predictions((285, 285, 95), (15, 15, 5))
    test = predictions((85, 85, 255), (15, 15, 45))
    assert not any("classes' shares" in cause for cause in gap(val, test).causes)


def test_a_single_class_that_falls_is_named():
    found = gap(predictions((95, 95, 95), (5, 5, 5)), predictions((95, 50, 95), (5, 50, 5)))
    assert any(
        cause.startswith("one class: the recall of b falls by 45.0 points")
        for cause in found.causes
    )


def test_a_fall_in_confidence_speaks_for_other_images_and_none_leaves_it_open():
    val = predictions((190, 190, 190), (10, 10, 10), confidence=6.0)
    unsure = predictions((160, 160, 160), (40, 40, 40), confidence=2.0)
    sure = predictions((160, 160, 160), (40, 40, 40), confidence=6.0)
    assert any("look different to the model" in cause for cause in gap(val, unsure).causes)
    assert any("choices fitted to validation" in cause for cause in gap(val, sure).causes)


@pytest.mark.parametrize("fewer", range(1, 15))
@pytest.mark.parametrize("size", [50, 2000])
def test_a_gap_that_is_not_good_has_a_cause(fewer, size):
    wrong = [size * (5 + part) // 100 for part in (fewer, fewer, fewer)]
    val = predictions([size - size // 20] * 3, [size // 20] * 3)
    found = gap(val, predictions([size - bad for bad in wrong], wrong))
    assert (found.judgement == "good") == (not found.causes)
    turned = gap(predictions([size - bad for bad in wrong], wrong), val)
    assert turned.judgement == found.judgement
    assert (turned.judgement == "good") == (not turned.causes)


def test_a_test_set_that_is_easier_beyond_chance_is_warned_of(evaluated):
    record = evaluated(test=(300, 0.99), val=(300, 0.85))
    assert record.gap.judgement == "too large"
    assert any(cause.startswith("easier test images") for cause in record.gap.causes)
    assert any("14.0 points above validation" in text for text in record.warnings)


def test_a_test_set_that_is_easier_by_chance_is_not_warned_of(evaluated):
    assert evaluated(test=(300, 0.96), val=(300, 0.95)).warnings == ()
