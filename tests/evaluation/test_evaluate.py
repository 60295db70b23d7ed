"""The record of an evaluation: complete, consistent with its parts, and honest about limits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from seatrial.config.metric_names import METRICS
from seatrial.errors import InputError
from seatrial.evidence.records import EvaluationRecord
from seatrial.metrics import ece, wilson


def test_a_record_survives_its_file(evaluated):
    record = evaluated()
    assert EvaluationRecord.model_validate_json(record.model_dump_json()) == record


def test_evaluating_twice_gives_the_same_record(evaluated):
    assert evaluated() == evaluated()


def test_every_scalar_metric_is_there_for_test_and_validation(evaluated):
    record = evaluated()
    assert set(record.test) == set(record.val) == set(METRICS) - {"confusion_matrix"}
    assert all(one.value is not None for one in (*record.test.values(), *record.val.values()))
    assert record.test["acc"].value == pytest.approx(0.94)
    assert record.test["acc"].interval == wilson(282, 300)
    assert record.val["acc"].value == pytest.approx(0.95)


def test_classes_agree_with_scikit_learn_and_their_confusion(evaluated):
    record = evaluated()
    confusion = np.array(record.confusion)
    labels = np.repeat(np.arange(7), confusion.sum(1))
    predicted = np.concatenate([np.repeat(np.arange(7), row) for row in confusion])
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted)
    assert [one.precision.value for one in record.classes] == pytest.approx(precision)
    assert [one.recall.value for one in record.classes] == pytest.approx(recall)
    assert [one.f1.value for one in record.classes] == pytest.approx(f1)
    assert [one.support for one in record.classes] == support.tolist()
    for one in record.classes:
        for estimate in (one.precision, one.recall, one.f1, one.auc):
            assert estimate.interval[0] <= estimate.value <= estimate.interval[1]


def test_undefined_class_figures_say_why(evaluated):
    logits = np.full((4, 7), -5.0, dtype=np.float32)
    logits[np.arange(4), [0, 1, 0, 1]] = 5
    logits[3] = 5 * np.eye(7)[2]
    record = evaluated(
        test_logits=logits, test_labels=np.array([0, 1, 3, 1]), test_ids=list("wxyz")
    )
    _, dog, owl, eel, bee, *_ = record.classes
    assert dog.recall.value == 0.5 and dog.f1.value == pytest.approx(2 / 3)
    assert owl.recall.value is None and owl.recall.reason == "no test image of this class"
    assert owl.f1.value == 0 and owl.auc.reason == "no test image of this class"
    assert eel.precision.reason == "never predicted" and eel.f1.value == 0
    assert bee.f1.reason == "no test image of this class, and it was never predicted"
    warned = "\n".join(record.warnings)
    assert "No test image of owl, bee, ant, fox" in warned
    assert "Never predicted: eel;" in warned
    assert "Fewer than 10 test images of cat, dog, eel" in warned


def test_bins_hold_every_image_and_give_the_error_back(evaluated):
    record = evaluated()
    assert len(record.bins) == 15 and sum(one.count for one in record.bins) == 300
    gaps = [one.count * abs(one.accuracy - one.confidence) for one in record.bins if one.count]
    assert sum(gaps) / 300 == pytest.approx(record.test["ece"].value)
    assert record.test["ece"].value == pytest.approx(
        ece(
            np.array([one.confidence for one in record.bins for _ in range(one.count)]),
            np.concatenate(
                [
                    np.arange(one.count) < round(one.count * one.accuracy)
                    for one in record.bins
                    if one.count
                ]
            ),
        )
    )


def test_mistakes_are_the_most_confident_ones_in_order(evaluated):
    record = evaluated(test=(300, 0.8))
    assert record.n_mistakes == 60 and len(record.mistakes) == 24
    confidences = [one.confidence for one in record.mistakes]
    assert confidences == sorted(confidences, reverse=True)
    assert all(one.true != one.predicted for one in record.mistakes)
    assert all(int(one.id[5:9]) >= 240 for one in record.mistakes)


def test_confused_pairs_are_the_largest_cells_off_the_diagonal(evaluated):
    record = evaluated(test=(700, 0.6))
    confusion = np.array(record.confusion)
    np.fill_diagonal(confusion, 0)
    largest = sorted(confusion.ravel().tolist(), reverse=True)[:10]
    assert [pair.count for pair in record.confusions] == largest
    first = record.confusions[0]
    assert first.share_of_true == pytest.approx(first.count / 100)


def test_a_perfect_model_has_no_mistake_and_no_confused_pair(evaluated):
    record = evaluated(test=(300, 1.0))
    assert record.mistakes == () and record.confusions == () and record.n_mistakes == 0


@pytest.mark.parametrize("given", [0.4321, None])
def test_the_loss_is_the_training_criterion_where_it_is_given(evaluated, given):
    record = evaluated(test_loss=given)
    if given is None:
        assert record.test["loss"] == record.test["nll"]
    else:
        assert record.test["loss"].value == given and record.test["loss"].interval is None
        assert "only the mean is known" in record.test["loss"].reason


def test_a_criterion_that_is_plain_cross_entropy_keeps_its_interval(evaluated):
    plain = evaluated().test["nll"].value
    assert evaluated(test_loss=plain * (1 + 1e-7)).test["loss"].interval is not None


def test_a_target_within_the_interval_is_warned_of_with_the_size_it_needs(evaluated):
    record = evaluated(target_acc=0.92)
    assert record.needed_n_test == 707
    assert any("707 test images would" in text for text in record.warnings)
    assert evaluated(target_acc=0.9).warnings == ()


def test_a_target_that_is_missed_needs_no_number_of_images(evaluated):
    record = evaluated(target_acc=0.99)
    assert record.needed_n_test is None
    assert not any("too small" in text for text in record.warnings)


def test_a_target_met_exactly_is_never_proved(evaluated):
    record = evaluated(target_acc=0.94)
    assert any("proved by no number of images" in text for text in record.warnings)


def test_without_a_target_nothing_is_said_of_one(evaluated):
    record = evaluated(target_acc=None)
    assert record.needed_n_test is None and record.warnings == ()


def test_a_model_that_always_says_the_same_is_called_out(evaluated):
    record = evaluated(test_logits=np.tile(np.eye(7, dtype=np.float32)[3], (300, 1)))
    assert any("Every test image is called eel" in text for text in record.warnings)
    assert record.test["mcc"].value == 0


def test_weights_that_give_no_numbers_are_refused_with_the_count(evaluated):
    logits = np.zeros((300, 7), dtype=np.float32)
    logits[:5, 0] = np.nan
    with pytest.raises(InputError, match=r"test logits: .* 5 of 300 images"):
        evaluated(test_logits=logits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_ids": ["a"]}, "test ids: required 300, one an image, found 1"),
        ({"test_labels": np.full(300, 7)}, "test set: labels: required 0 to 6, found 7"),
        ({"val_logits": np.zeros((280, 3))}, "val set: scores: required"),
        (
            {"val_logits": np.zeros((0, 7)), "val_labels": np.zeros(0, dtype=np.int64)},
            "val set: labels: .* at least 1",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(evaluated, changes, message):
    with pytest.raises(InputError, match=message):
        evaluated(**changes)
