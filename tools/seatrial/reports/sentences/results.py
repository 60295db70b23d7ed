"""Sentences on the test results: target, gap, classes, calibration, mistakes, chance."""

from __future__ import annotations

import math

from seatrial.config.schema import Targets
from seatrial.evidence.records import ClassResult, Estimate, EvaluationRecord
from seatrial.reports import formats as f

FEW_IMAGES = 30
"""Below this support a class's figures are called uncertain: one image is over 3 points."""
CONFIDENT = 0.9
_SHARE_WORTH_NAMING = 0.5
_FEWEST_MISTAKES = 5


def target(evaluation: EvaluationRecord, targets: Targets) -> list[str]:
    """Whether the declared accuracy is reached, and whether the interval proves it."""
    accuracy = evaluation.test.get("acc")
    if targets.test_acc is None:
        return [
            "No target accuracy is declared (targets.test_acc), so nothing says whether this"
            " accuracy is enough; item 8 of the gate fails."
        ]
    wanted = f.percent(targets.test_acc)
    if accuracy is None or accuracy.value is None:
        return [f"Target {wanted}: not shown, since test accuracy is {f.estimate(accuracy, True)}."]
    margin = accuracy.value - targets.test_acc
    measured = f"{f.percent(accuracy.value)} against a target of {wanted}"
    below = f"by {f.points(-margin, signed=False)}"
    low, high = accuracy.interval or (None, None)
    if low is None or high is None:
        verdict = "Target met" if margin >= 0 else f"Target missed {below}"
        return [f"{verdict}: {measured}; no interval was measured, so neither is proved."]
    span = f"the 95 % interval {f.interval_percent(accuracy.interval)}"
    if low >= targets.test_acc:
        return [f"Target met and proved: {measured}; all of {span} is at or above it."]
    if margin >= 0:
        return [f"Target met, not proved: {measured}, but {span} reaches below it."]
    if high >= targets.test_acc:
        return [
            f"Target missed {below}: {measured}; {span} includes it, so this test set"
            " neither proves nor rules out that the target is reached."
        ]
    return [f"Target missed {below}: {measured}; all of {span} is below it."]


def margin(evaluation: EvaluationRecord | None, targets: Targets) -> str:
    """Achieved minus target in points."""
    accuracy = None if evaluation is None else evaluation.test.get("acc")
    if targets.test_acc is None:
        return "no target declared"
    if accuracy is None or accuracy.value is None:
        return f.NOT_MEASURED
    return f.points(accuracy.value - targets.test_acc)


def gap(evaluation: EvaluationRecord, bound: float) -> list[str]:
    """Validation against test: size, chance, judgement, bound, causes."""
    found = evaluation.gap
    inside = "within" if abs(found.value) <= bound else "beyond"
    lines = [
        f"The gap of {f.points(found.value)} is {found.judgement}, and {inside} the bound of"
        f" {f.points(bound, signed=False)} in either direction."
    ]
    if found.interval[0] <= 0 <= found.interval[1]:
        lines.append(
            "Its 95 % interval includes 0: two samples of one distribution differ as much by"
            f" chance ({f.p_value(found.p_value)})."
        )
    elif found.value > 0:
        lines.append(
            f"Its 95 % interval excludes 0 ({f.p_value(found.p_value)}): validation accuracy is"
            " above test accuracy by more than chance, as when choices were fitted to validation."
        )
    else:
        lines.append(
            f"Its 95 % interval excludes 0 ({f.p_value(found.p_value)}): the test set is easier"
            " than the validation set, so the two do not come from one distribution."
        )
    return lines + [f"Likely cause: {cause}." for cause in found.causes]


def classes(results: tuple[ClassResult, ...], floor: float) -> list[str]:
    """The weakest class, those below the floor, the undefined, and those with few images."""
    known = [(c.f1.value, c) for c in results if c.f1.value is not None]
    below = [
        f"{c.name} ({f.decimal(value)}, n = {f.count(c.support)})"
        for value, c in known
        if value < floor
    ]
    lines = []
    if below:
        lines.append(
            f"{f.plural(len(below), 'class is', 'classes are')} below the floor of F1"
            f" {f.decimal(floor, 2)}: {f.listing(below, 10)}."
        )
    elif len(known) == len(results):
        lines.append(f"Every class is at or above the floor of F1 {f.decimal(floor, 2)}.")
    if known:
        _, weakest = min(known, key=lambda pair: pair[0])
        lines.append(
            f"Weakest class: {weakest.name}, F1 {f.estimate(weakest.f1, False)} on"
            f" {f.plural(weakest.support, 'image')}."
        )
    lines += [
        f"Class {c.name}: {name} is undefined ({value.reason or 'no reason recorded'}); it is not"
        " counted as 0."
        for c in results
        for name, value in (("F1", c.f1), ("AUC", c.auc))
        if value.value is None
    ]
    few = [c for c in results if 0 < c.support < FEW_IMAGES]
    if few:
        least = min(c.support for c in few)
        lines.append(
            f"{f.plural(len(few), 'class has', 'classes have')} fewer than {FEW_IMAGES} test"
            f" images ({f.listing([c.name for c in few], 10)}); one image moves recall by up to"
            f" {f.points(1 / least, signed=False)}."
        )
    return lines


def calibration(evaluation: EvaluationRecord, bound: float | None) -> list[str]:
    """The calibration error against its bound and its noise, and the direction of the error."""
    error, accuracy = evaluation.test.get("ece"), evaluation.test.get("acc")
    if error is None or error.value is None:
        return [f"Expected calibration error: {f.estimate(error, True)}."]
    shown = f.percent(error.value)
    if bound is None:
        lines = [f"Expected calibration error {shown}; no bound is declared (targets.max_ece)."]
    else:
        verdict = "within" if error.value <= bound else "above"
        lines = [f"Expected calibration error {shown}, {verdict} the bound of {f.percent(bound)}."]
    if accuracy is None or accuracy.value is None:
        return lines
    expected, limit = _calibration_noise(evaluation)
    found = "may be noise" if error.value <= limit else "is not noise alone"
    lines.append(
        f"A perfectly calibrated model with these confidences shows about {f.percent(expected)} on"
        f" {f.plural(evaluation.n_test, 'image')}, seldom more than {f.percent(limit)}: the error"
        f" found {found}."
    )
    return lines + _direction(evaluation, accuracy)


def _calibration_noise(evaluation: EvaluationRecord) -> tuple[float, float]:
    """Mean calibration error of a calibrated model, and that plus two standard deviations.

    The excess of right answers in a bin is about normal with variance n·c(1 − c); the error is the
    mean of the absolute values.
    """
    filled = [(b.count, b.confidence) for b in evaluation.bins if b.confidence is not None]
    variances = [n * confidence * (1 - confidence) for n, confidence in filled]
    mean = math.sqrt(2 / math.pi) * sum(map(math.sqrt, variances)) / evaluation.n_test
    deviation = math.sqrt((1 - 2 / math.pi) * sum(variances)) / evaluation.n_test
    return mean, mean + 2 * deviation


def mean_confidence(evaluation: EvaluationRecord) -> float | None:
    """Mean confidence of the predicted class on the test set, from the reliability bins."""
    filled = [(b.count, b.confidence) for b in evaluation.bins if b.confidence is not None]
    total = sum(n for n, _ in filled)
    return sum(n * confidence for n, confidence in filled) / total if total else None


def _direction(evaluation: EvaluationRecord, accuracy: Estimate) -> list[str]:
    confidence = mean_confidence(evaluation)
    if confidence is None or accuracy.value is None or accuracy.interval is None:
        return []
    pair = f"mean confidence {f.percent(confidence)}, accuracy {f.estimate(accuracy, True)}"
    low, high = accuracy.interval
    if low <= confidence <= high:
        return [f"On the whole, confidence and accuracy differ by no more than chance: {pair}."]
    kind = "overconfident" if confidence > accuracy.value else "underconfident"
    return [f"On the whole, the model is {kind}: {pair}."]


def baseline(evaluation: EvaluationRecord) -> list[str]:
    """What answering the most frequent class would score."""
    if not evaluation.classes or not evaluation.n_test:
        return []
    largest = max(evaluation.classes, key=lambda c: c.support)
    return [
        f"Always answering the most frequent class ({largest.name}) would score"
        f" {f.percent(largest.support / evaluation.n_test)} on this test set."
    ]


def mistakes(evaluation: EvaluationRecord) -> list[str]:
    """How many, how confident, and whether a class or a pair stands out."""
    n, wrong = evaluation.n_test, evaluation.n_mistakes
    if wrong == 0:
        accuracy = evaluation.test.get("acc")
        lines = [f"No mistake on {f.plural(n, 'test image')}."]
        if accuracy is not None and accuracy.interval is not None:
            most = f.percent(1 - accuracy.interval[0])
            lines.append(f"The share of mistakes on new images may still be up to {most}.")
        return lines
    lines = [
        f"{f.count(wrong)} of {f.plural(n, 'test image')} are answered wrongly"
        f" ({f.percent(wrong / n)})."
    ]
    sure = sum(m.confidence >= CONFIDENT for m in evaluation.mistakes)
    listed = len(evaluation.mistakes)
    if sure:
        lines.append(
            f"{f.count(sure)} of the {f.plural(listed, 'mistake')} listed"
            f" {'has' if sure == 1 else 'have'} a confidence of {f.percent(CONFIDENT, 0)} or"
            " more: a threshold on confidence would not catch them."
        )
    elif listed:
        lines.append(
            f"No mistake has a confidence of {f.percent(CONFIDENT, 0)} or more: a threshold on"
            " confidence catches them all, and refuses the right answers below it."
        )
    return lines + _most_confused(evaluation) + _concentration(evaluation)


def _most_confused(evaluation: EvaluationRecord) -> list[str]:
    if not evaluation.confusions:
        return []
    pair = evaluation.confusions[0]
    if pair.count == 1:
        return ["No pair of classes is confused more than once."]
    return [
        f"Most confused: {pair.true} taken for {pair.predicted}"
        f" ({f.plural(pair.count, 'image')}, {f.percent(pair.share_of_true)} of that class)."
    ]


def _concentration(evaluation: EvaluationRecord) -> list[str]:
    names = [c.name for c in evaluation.classes]
    matrix = evaluation.confusion
    total = sum(sum(row) for row in matrix) - sum(row[i] for i, row in enumerate(matrix))
    if len(names) < 3 or total < _FEWEST_MISTAKES:
        return []
    missed = [sum(row) - row[i] for i, row in enumerate(matrix)]
    taken = [sum(row[i] for row in matrix) - matrix[i][i] for i in range(len(matrix))]
    lines = []
    for counts, verb in ((missed, "of"), (taken, "answered as")):
        most = max(counts)
        if most >= _SHARE_WORTH_NAMING * total:
            name = names[counts.index(most)]
            lines.append(f"{f.count(most)} of {f.count(total)} mistakes are images {verb} {name}.")
    return lines


def undefined(estimates: dict[str, Estimate]) -> list[str]:
    """Metrics that have no value, each with its reason."""
    return [
        f"test_{name} is undefined and not counted as 0: {value.reason or 'no reason recorded'}."
        for name, value in estimates.items()
        if value.value is None
    ]
