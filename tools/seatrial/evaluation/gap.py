"""The gap between validation and test accuracy, whether it is chance, and what explains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from seatrial.evidence.records import Gap
from seatrial.metrics import Predictions, newcombe_difference, per_class, two_proportion_z

GOOD_BELOW = 0.02
_OVERFITTED = 0.05
_MIX_DISTANCE = 0.1

Judgement = Literal["good", "acceptable", "too large"]


def judge(value: float, max_gap: float) -> Judgement:
    """By size, whichever of the two is higher: above ``max_gap`` too large, below 2 points good,
    between them acceptable."""
    value = abs(value)
    if value > max_gap + 1e-12:  # 0.97 - 0.92 exceeds 0.05 only by rounding
        return "too large"
    return "good" if value < GOOD_BELOW else "acceptable"


def accuracy_gap(
    val: Predictions,
    test: Predictions,
    classes: Sequence[str],
    *,
    max_gap: float,
    leaked_pairs: int | None,
    train_acc: float | None,
) -> Gap:
    """Validation minus test accuracy, with Newcombe's interval and the pooled z-test.

    A gap that is not good gets its likely causes, each a phrase with the numbers behind it: at
    least whether chance explains it, and if not, what confidence says.
    """
    right_val, right_test = int(val.correct.sum()), int(test.correct.sum())
    counts = (right_val, val.labels.size, right_test, test.labels.size)
    value = right_val / val.labels.size - right_test / test.labels.size
    interval = newcombe_difference(*counts)
    judgement = judge(value, max_gap)
    causes: list[str] = []
    if judgement != "good":
        causes = [
            *_leakage(leaked_pairs),
            *_chance(interval, val, test),
            *_overfitting(train_acc, val),
            *_class_mix(value, val, test),
            *_one_class(value, val, test, classes),
            *_confidence(value, interval, val, test),
            *_easier(interval, val, test),
        ]
    return Gap(
        value=value,
        interval=interval,
        p_value=two_proportion_z(*counts),
        judgement=judgement,
        causes=tuple(causes),
    )


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f} points"


def _leakage(pairs: int | None) -> list[str]:
    if not pairs:
        return []
    found = (
        "1 pair of equal images crosses" if pairs == 1 else f"{pairs} pairs of equal images cross"
    )
    return [f"leakage: {found} the splits, so the higher one may hold what training has seen"]


def _chance(interval: tuple[float, float], val: Predictions, test: Predictions) -> list[str]:
    if not interval[0] <= 0 <= interval[1]:
        return []
    sizes = f"{val.labels.size} validation and {test.labels.size} test images"
    return [f"small samples: {sizes} do not tell this gap from none"]


def _overfitting(train_acc: float | None, val: Predictions) -> list[str]:
    if train_acc is None:
        return []
    excess = train_acc - float(val.correct.mean())
    if excess < _OVERFITTED:
        return []
    return [f"overfitting: training accuracy is {_points(excess)} above validation accuracy"]


def _class_mix(value: float, val: Predictions, test: Predictions) -> list[str]:
    """Different shares of the classes, where they explain at least half of the gap, of any sign."""
    mix_val, mix_test = (np.bincount(p.labels, minlength=p.num_classes) for p in (val, test))
    share_val, share_test = mix_val / mix_val.sum(), mix_test / mix_test.sum()
    distance = float(np.abs(share_val - share_test).sum() / 2)
    recall = np.nan_to_num(per_class(test.confusion).recall)
    explained = float(share_val @ recall) - float(share_test @ recall)
    if distance < _MIX_DISTANCE or explained / value < 0.5 or (share_val[mix_test == 0] > 0).any():
        return []
    return [
        f"split shift: the classes' shares differ by {_points(distance)} between validation and "
        f"test, which alone makes {_points(explained)} of the gap"
    ]


def _one_class(
    value: float, val: Predictions, test: Predictions, classes: Sequence[str]
) -> list[str]:
    """A single class whose recall falls, where that alone makes at least half of the gap."""
    if len(classes) < 3 or value < 0:
        return []
    fall = np.nan_to_num(per_class(val.confusion).recall - per_class(test.confusion).recall)
    shares = np.bincount(test.labels, minlength=test.num_classes) / test.labels.size
    worst = int(np.argmax(fall * shares))
    part = float(fall[worst] * shares[worst])
    if part < value / 2:
        return []
    return [
        f"one class: the recall of {classes[worst]} falls by {_points(float(fall[worst]))} from "
        f"validation to test, which makes {_points(part)} of the gap"
    ]


def _easier(interval: tuple[float, float], val: Predictions, test: Predictions) -> list[str]:
    """Beyond chance, a test set that is answered better than validation."""
    if interval[1] >= 0:
        return []
    rise = float(test.confidences.mean() - val.confidences.mean())
    return [
        "easier test images, or test images that training has seen: mean confidence changes by "
        f"{100 * rise:+.1f} points from validation to test"
    ]


def _confidence(
    value: float, interval: tuple[float, float], val: Predictions, test: Predictions
) -> list[str]:
    """Beyond chance, a fall in confidence tells of images unlike those the model knows; without
    one the numbers leave several explanations open."""
    if interval[0] <= 0:
        return []
    fall = float(val.confidences.mean() - test.confidences.mean())
    if fall >= value / 2:
        return [
            f"split shift: mean confidence falls by {_points(fall)} from validation to test, so "
            "the test images look different to the model"
        ]
    return [
        "choices fitted to validation, less reliable test labels, or a shift that the model does "
        f"not notice: mean confidence falls by only {_points(max(0.0, fall))}"
    ]
