"""Warnings: what the figures of an evaluation cannot carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seatrial.evidence.records import Estimate, Gap
from seatrial.metrics import Predictions, required_test_size, wilson
from seatrial.metrics.arrays import Booleans, names_of
from seatrial.metrics.estimates import NO_SPREAD

FEW_IMAGES = 10
_NAMED = 5


def cautions(
    test: Predictions,
    val: Predictions,
    classes: Sequence[str],
    measured: Mapping[str, Estimate],
    gap: Gap,
    target_acc: float | None,
) -> tuple[str, ...]:
    """Every warning that applies, one sentence each."""
    return (
        *_too_small(test, target_acc),
        *_few_images(test, val, classes),
        *_collapsed(test, classes),
        *_better_on_test(gap),
        *_left_out(measured),
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
    found = []
    support = {
        name: np.bincount(p.labels, minlength=p.num_classes)
        for name, p in (("test", test), ("validation", val))
    }
    for split, counts in support.items():
        if (counts == 0).any():
            found.append(
                f"No {split} image of {_named(classes, counts == 0)}: nothing is measured for it."
            )
    few = (support["test"] > 0) & (support["test"] < FEW_IMAGES)
    if few.any():
        found.append(
            f"Fewer than {FEW_IMAGES} test images of {_named(classes, few)}: one image "
            f"moves its recall by 10 points or more."
        )
    return found


def _named(classes: Sequence[str], chosen: Booleans) -> str:
    names = names_of(classes, chosen)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _collapsed(test: Predictions, classes: Sequence[str]) -> list[str]:
    called = np.bincount(test.predicted, minlength=test.num_classes)
    present = np.bincount(test.labels, minlength=test.num_classes) > 0
    if present.sum() > 1 and (called > 0).sum() == 1:
        only = classes[int(called.argmax())]
        return [f"Every test image is called {only}: the model does not tell the classes apart."]
    never = present & (called == 0)
    return [f"Never predicted: {_named(classes, never)}."] if never.any() else []


def _better_on_test(gap: Gap) -> list[str]:
    if gap.interval[1] >= 0:
        return []
    return [
        f"Test accuracy is {-100 * gap.value:.1f} points above validation accuracy, which chance "
        "does not explain: the test set is easier, or its images are known to training."
    ]


def _left_out(measured: Mapping[str, Estimate]) -> list[str]:
    """What an average leaves out or counts as zero, as its estimate says."""
    return [
        f"{name}: {note}."
        for name, estimate in measured.items()
        if estimate.value is not None and estimate.reason
        for note in estimate.reason.split("; ")
        if note != NO_SPREAD and not note.startswith("no interval")
    ]
