"""``metrics.json`` has every configured name, and null with a reason where nothing is defined."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seatrial.config.metric_names import METRICS
from seatrial.errors import ConfigurationError
from seatrial.evaluation import metrics_json

ALL = [f"test_{name}" for name in METRICS]


def test_every_name_is_there_for_the_test_set_and_scalars_for_validation_too(evaluated):
    found = metrics_json(evaluated(), ALL)
    scalars = set(METRICS) - {"confusion_matrix"}
    assert set(found) == {
        *ALL,
        *(f"val_{name}" for name in scalars),
        "val_test_gap",
    }
    for name in scalars:
        for split in ("test", "val"):
            one = found[f"{split}_{name}"]
            assert set(one) >= {"value", "interval"}
            assert one["interval"][0] <= one["value"] <= one["interval"][1]


def test_only_what_is_configured_is_published_with_its_validation_value(evaluated):
    found = metrics_json(evaluated(), ["test_acc", "val_f1"])
    assert list(found) == ["test_acc", "val_f1", "val_acc", "val_test_gap"]


def test_the_matrix_comes_with_its_classes_and_the_gap_with_its_test(evaluated):
    record = evaluated()
    found = metrics_json(record, ["test_confusion_matrix"])
    assert found["test_confusion_matrix"]["classes"] == [one.name for one in record.classes]
    assert np.sum(found["test_confusion_matrix"]["rows"]) == 300
    assert found["val_test_gap"]["value"] == record.gap.value
    assert found["val_test_gap"]["judgement"] == "good"


def test_an_undefined_metric_is_null_with_a_reason_and_the_whole_is_strict_json(evaluated):
    logits, labels = np.zeros((20, 7), dtype=np.float32), np.zeros(20, dtype=np.int64)
    record = evaluated(test_logits=logits, test_labels=labels, test_ids=[str(i) for i in range(20)])
    found = json.loads(json.dumps(metrics_json(record, ALL), allow_nan=False))
    assert found["test_auc"] == {
        "value": None,
        "interval": None,
        "reason": "the images are of one class only",
    }


@pytest.mark.parametrize("name", ["acc", "test_accuracy", "train_acc", "testacc"])
def test_a_name_that_does_not_exist_is_refused(evaluated, name):
    with pytest.raises(ConfigurationError, match=name):
        metrics_json(evaluated(), [name])
