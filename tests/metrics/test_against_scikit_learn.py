"""scikit-learn as an independent oracle."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.special import softmax

from seatrial.metrics import Predictions, auc, auc_per_class, cohen_kappa, compute, top_k


def make(seed, n=200, k=6, absent=(), never=()):
    """Logits and labels; ``absent`` classes have no image, ``never`` are never predicted."""
    random = np.random.default_rng(seed)
    labels = random.choice([c for c in range(k) if c not in absent], n)
    logits = random.normal(size=(n, k))
    logits[np.arange(n), labels] += 1.2
    logits[:, list(never)] -= 12
    return logits, labels


CASES = {
    "plain": make(0),
    "two classes": make(1, k=2),
    "a class without images": make(2, absent=[3]),
    "a class never predicted": make(3, never=[1]),
    "a class neither present nor predicted": make(4, absent=[5], never=[5]),
    "few images": make(5, n=9),
    "many classes": make(6, n=900, k=40),
}


@pytest.fixture(params=CASES, ids=str)
def made(request):
    return CASES[request.param]


def test_counts_and_averages_agree(made):
    logits, labels = made
    k, predicted = logits.shape[1], logits.argmax(1)
    every = range(k)
    found = compute(
        ["acc", "balanced_acc", "f1", "f1_weighted", "precision", "recall", "mcc"],
        logits,
        labels,
        k,
    )
    average = {"labels": list(every), "zero_division": 0.0}
    expected = {
        "acc": sk.accuracy_score(labels, predicted),
        "balanced_acc": np.mean(
            sk.recall_score(labels, predicted, labels=np.unique(labels), average=None)
        ),
        "f1": sk.f1_score(labels, predicted, average="macro", **average),
        "f1_weighted": sk.f1_score(labels, predicted, average="weighted", **average),
        "precision": sk.precision_score(labels, predicted, average="macro", **average),
        "recall": sk.recall_score(labels, predicted, average="macro", **average),
        "mcc": sk.matthews_corrcoef(labels, predicted),
    }
    assert found == pytest.approx(expected, abs=1e-12)
    confusion = Predictions.of(logits, labels, k).confusion
    assert (confusion == sk.confusion_matrix(labels, predicted, labels=list(every))).all()
    assert cohen_kappa(confusion) == pytest.approx(sk.cohen_kappa_score(labels, predicted))


def test_likelihood_agrees(made):
    logits, labels = made
    k = logits.shape[1]
    found = compute(["nll", "brier"], logits, labels, k)
    probabilities = softmax(logits, axis=1)
    assert found["nll"] == pytest.approx(
        sk.log_loss(labels, probabilities, labels=list(range(k))), abs=1e-9
    )
    truth = np.eye(k)[labels]
    assert found["brier"] == pytest.approx(((probabilities - truth) ** 2).sum(1).mean())


def test_the_brier_score_of_two_classes_is_twice_the_binary_one():
    logits, labels = CASES["two classes"]
    binary = sk.brier_score_loss(labels, softmax(logits, axis=1)[:, 1])
    assert compute(["brier"], logits, labels, 2)["brier"] == pytest.approx(2 * binary)


def test_the_area_under_the_curve_agrees_class_by_class(made):
    logits, labels = made
    probabilities = softmax(logits, axis=1)
    found = auc_per_class(probabilities, labels)
    for k, value in enumerate(found):
        if (labels == k).any():
            assert value == pytest.approx(sk.roc_auc_score(labels == k, probabilities[:, k]))
        else:
            assert np.isnan(value)


def test_the_macro_area_agrees_where_every_class_has_images():
    logits, labels = CASES["plain"]
    expected = sk.roc_auc_score(labels, softmax(logits, axis=1), multi_class="ovr")
    assert compute(["auc"], logits, labels, 6)["auc"] == pytest.approx(expected)


def test_tied_scores_count_half():
    random = np.random.default_rng(7)
    scores, positive = random.integers(0, 4, 100).astype(float), random.random(100) < 0.3
    assert auc(scores, positive) == pytest.approx(sk.roc_auc_score(positive, scores))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_agrees(k):
    logits, labels = CASES["plain"]
    expected = sk.top_k_accuracy_score(labels, logits, k=k, labels=range(6))
    assert top_k(logits, labels, k) == pytest.approx(expected)
