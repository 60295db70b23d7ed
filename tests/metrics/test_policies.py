"""What is undefined, and what an average does with it."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from seatrial.metrics import Predictions, compute, estimates, per_class, top_k
from seatrial.metrics.confusion import confusion_matrix


def one_hot(predicted, k):
    return 5.0 * np.eye(k)[np.asarray(predicted)]


def test_a_class_absent_from_the_test_set_lowers_macro_f1_instead_of_raising_it():
    labels = np.array([0, 1, 2, 3, 4, 5] * 5)
    predicted = np.where(np.arange(30) % 4 == 0, (labels + 1) % 6, labels)
    over_all = compute(["f1"], one_hot(predicted, 7), labels, 7)["f1"]
    over_present = sk.f1_score(labels, predicted, average="macro")
    assert over_all == pytest.approx(over_present * 6 / 7)


def test_undefined_class_figures_are_nan_and_f1_is_zero_for_a_missed_class():
    # Class 0 is right, 1 is missed, 2 is only predicted, 3 is neither.
    figures = per_class(confusion_matrix(np.array([0, 1, 1]), np.array([0, 2, 2]), 4))
    np.testing.assert_array_equal(figures.precision, [1, np.nan, 0, np.nan])
    np.testing.assert_array_equal(figures.recall, [1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(figures.f1, [1, 0, 0, np.nan])


def test_an_area_without_positives_is_left_out_and_said():
    labels = np.array([0, 0, 1, 1])
    logits = np.array([[2.0, 1, 0], [0, 2, 1], [0, 2, 1], [0, 3, 0]])
    with_absent = estimates(logits, labels, 3, seed=0, classes=["a", "b", "c"])["auc"]
    assert with_absent.reason == "mean over 2 of 3 classes, no image of c"
    probabilities = Predictions.of(logits, labels, 3).probabilities
    expected = np.mean([sk.roc_auc_score(labels == k, probabilities[:, k]) for k in (0, 1)])
    assert with_absent.value == pytest.approx(expected)


def test_images_of_one_class_only_leave_the_area_undefined():
    logits, labels = np.eye(3)[[0, 1]], np.array([0, 0])
    assert compute(["auc"], logits, labels, 3) == {"auc": None}
    found = estimates(logits, labels, 3, seed=0)["auc"]
    assert found.value is None and found.reason == "the images are of one class only"


def test_top_five_of_five_classes_is_undefined_rather_than_perfect():
    logits, labels = np.eye(5), np.arange(5)
    assert compute(["top5"], logits, labels, 5) == {"top5": None}
    assert estimates(logits, labels, 5, seed=0)["top5"].reason == "always 1 with 5 classes"


def test_of_equal_logits_the_prediction_and_the_ranks_take_the_same_order():
    logits, labels = np.zeros((3, 3)), np.array([0, 1, 2])
    assert compute(["acc"], logits, labels, 3)["acc"] == pytest.approx(1 / 3)
    assert [top_k(logits, labels, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_top_k_refuses_more_classes_than_there_are():
    with pytest.raises(ValueError, match="1 to 3, found 4"):
        top_k(np.zeros((2, 3)), np.array([0, 1]), 4)


def test_averages_that_count_a_class_as_zero_name_it():
    found = estimates(
        one_hot([0, 1, 1, 0], 4), np.array([0, 1, 2, 2]), 4, seed=0, classes=list("abcd")
    )
    assert found["precision"].reason == "classes never predicted count as 0: c, d"
    assert found["recall"].reason == "classes without an image count as 0: d"
    assert found["f1"].reason == "classes without an image and never predicted count as 0: d"
    assert found["balanced_acc"].reason == "classes without an image do not count: d"
    assert found["acc"].reason is None


def test_correlation_with_a_constant_prediction_is_zero_by_convention_and_says_so():
    found = estimates(one_hot([1, 1, 1], 2), np.array([0, 1, 1]), 2, seed=0)["mcc"]
    assert found.value == 0 and "0 by convention" in found.reason
