"""Warnings: what the figures of an evaluation cannot carry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seatrial.evidence.records import Gap
from seatrial.metrics import Predictions, required_test_size, wilson
from seatrial.metrics.arrays import names_of

FEW_IMAGES = 10


def cautions(
    test: Predictions,
    val: Predictions,
    classes: Sequence[str],
    gap: Gap,
    target_acc: float | None,
) -> tuple[str, ...]:
    """Every warning that applies, one sentence each."""
    return (
        *_too_small(test, target_acc),
        *_few_images(test, val, classes),
        *_collapsed(test, classes),
        *_better_on_test(gap),
    )


def _too_small(test: Predictions, target: float | None) -> list[str]:
    """Where Wilson's lower bound stays below a target that the accuracy itself reaches."""
    right, n = int(test.correct.sum()), test.labels.size
    if target is None or right / n < target or wilson(right, n)[0] >= target:
        return []
    low, high = wilson(right, n)
    needed = required_test_size(right / n, target)
    remedy = (
        f"At this accuracy {needed:,} test images would."
        if needed is not None
        else "An accuracy equal to the target is proved by no number of images."
    )
    return [
        f"The test set is too small to prove the target of {100 * target:g} %: {right:,} of {n:,} "
        f"right is an accuracy of {100 * low:.1f} to {100 * high:.1f} %. {remedy}"
    ]


def _few_images(test: Predictions, val: Predictions, classes: Sequence[str]) -> list[str]:
    support = {
        split: np.bincount(p.labels, minlength=p.num_classes)
        for split, p in (("test", test), ("validation", val))
    }
    found = [
        f"No {split} image of {names_of(classes, counts == 0)}: macro F1, precision and recall "
        "count it as 0; AUC and balanced accuracy leave it out."
        for split, counts in support.items()
        if (counts == 0).any()
    ]
    few = (support["test"] > 0) & (support["test"] < FEW_IMAGES)
    if few.any():
        found.append(
            f"Fewer than {FEW_IMAGES} test images of {names_of(classes, few)}: one image moves "
            "its recall by more than 10 points."
        )
    return found


def _collapsed(test: Predictions, classes: Sequence[str]) -> list[str]:
    called = np.bincount(test.predicted, minlength=test.num_classes)
    present = np.bincount(test.labels, minlength=test.num_classes) > 0
    if present.sum() > 1 and (called > 0).sum() == 1:
        only = classes[int(called.argmax())]
        return [f"Every test image is called {only}: the model does not tell the classes apart."]
    never = present & (called == 0)
    if not never.any():
        return []
    return [f"Never predicted: {names_of(classes, never)}; macro precision counts it as 0."]


def _better_on_test(gap: Gap) -> list[str]:
    if gap.interval[1] >= 0:
        return []
    return [
        f"Test accuracy is {-100 * gap.value:.1f} points above validation accuracy, which chance "
        "does not explain: the test set is easier, or its images are known to training."
    ]
