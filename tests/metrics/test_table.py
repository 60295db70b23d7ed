"""What holds for every metric, run over the whole table."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from seatrial.config.metric_names import LOWER_IS_BETTER, METRICS
from seatrial.errors import ConfigurationError
from seatrial.metrics import TABLE, compute

SCALARS = sorted(TABLE)


def value(name, logits, labels, k=7):
    return compute([name], logits, labels, k)[name]


def test_every_configured_metric_is_in_the_table_but_the_confusion_matrix():
    assert set(TABLE) == set(METRICS) - {"confusion_matrix"}


@pytest.mark.parametrize("name", SCALARS)
def test_the_order_of_images_does_not_matter(name, case):
    logits, labels = case
    order = np.random.default_rng(1).permutation(len(labels))
    assert value(name, logits[order], labels[order]) == pytest.approx(
        value(name, logits, labels), abs=1e-12
    )


@pytest.mark.parametrize("name", SCALARS)
def test_the_numbering_of_classes_does_not_matter(name, case):
    logits, labels = case
    new = np.random.default_rng(2).permutation(7)
    renumbered = np.empty_like(logits)
    renumbered[:, new] = logits
    assert value(name, renumbered, new[labels]) == pytest.approx(
        value(name, logits, labels), abs=1e-12
    )


@pytest.mark.parametrize("name", SCALARS)
def test_every_image_twice_changes_nothing(name, case):
    logits, labels = case
    assert value(name, np.tile(logits, (2, 1)), np.tile(labels, 2)) == pytest.approx(
        value(name, logits, labels), abs=1e-12
    )


@pytest.mark.parametrize("name", SCALARS)
def test_a_constant_added_to_an_images_logits_changes_nothing(name, case):
    logits, labels = case
    shifted = logits.astype(np.float64) + np.arange(len(labels))[:, None]
    assert value(name, shifted, labels) == pytest.approx(value(name, logits, labels), abs=1e-9)


@pytest.mark.parametrize("name", SCALARS)
def test_sure_and_right_is_best_and_sure_and_wrong_is_worse(name, case):
    _, labels = case
    best = 40.0 * np.eye(7)[labels]
    worse = np.arange(7) - 40.0 * np.eye(7)[labels]
    best_value, worse_value = value(name, best, labels), value(name, worse, labels)
    metric = TABLE[name]
    perfect = metric.lowest if name in LOWER_IS_BETTER else metric.highest
    assert best_value == pytest.approx(perfect, abs=1e-9)
    assert abs(worse_value - perfect) > 0.2
    assert metric.lowest <= worse_value <= metric.highest


@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("seed", range(5))
def test_values_stay_in_their_range_on_few_images(name, seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 6))
    found = value(name, random.normal(0, 30, (n, 7)), random.integers(0, 7, n))
    assert found is None or TABLE[name].lowest <= found <= TABLE[name].highest


@pytest.mark.parametrize("name", SCALARS)
def test_logits_of_any_size_give_finite_values(name, case):
    logits, labels = case
    found = value(name, logits * np.float32(1e4), labels)
    assert found is not None and np.isfinite(found)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_logit_that_is_not_finite_leaves_every_metric_undefined(case, broken):
    logits, labels = case
    logits[3, 2] = broken
    names = ["acc", "loss", "auc", "confusion_matrix"]
    assert compute(names, logits, labels, 7) == dict.fromkeys(names)


def test_the_confusion_matrix_is_no_scalar(case):
    assert compute(["confusion_matrix"], *case, 7) == {"confusion_matrix": None}


def test_a_loss_that_is_given_stands_for_cross_entropy(case):
    assert compute(["loss", "nll"], *case, 7, loss=0.25)["loss"] == 0.25
    assert compute(["loss"], *case, 7)["loss"] == compute(["nll"], *case, 7)["nll"]


def test_an_unknown_name_lists_the_known_ones(case):
    with pytest.raises(ConfigurationError, match=r"loss, acc.*found accuracy"):
        compute(["acc", "accuracy"], *case, 7)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((3, 7)), np.array([0, 1]), "scores: required"),
        (np.zeros((3, 6)), np.array([0, 1, 2]), "scores: required"),
        (np.zeros((3, 7)), np.array([0, 1, 7]), "0 to 6, found 0 to 7"),
        (np.zeros((3, 7)), np.array([0, 1, -1]), "0 to 6, found -1 to 1"),
        (np.zeros((0, 7)), np.zeros(0, dtype=int), "at least 1"),
        (np.zeros((3, 7)), np.array([0.0, 1.0, 2.0]), "whole numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        compute(["acc"], logits, labels, 7)


def test_fewer_than_two_classes_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        compute(["acc"], np.zeros((3, 1)), np.zeros(3, dtype=int), 1)


def test_metrics_need_neither_scikit_learn_nor_torch_nor_a_plotter():
    code = (
        "import sys, numpy as np; from seatrial import metrics;"
        "metrics.compute(list(metrics.TABLE), np.eye(7), np.arange(7), 7);"
        "heavy = {'sklearn', 'torch', 'matplotlib', 'scipy.stats'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
