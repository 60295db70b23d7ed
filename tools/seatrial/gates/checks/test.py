"""Items on the held-out test set: evaluated, gap, weak classes, failures, calibration."""

from __future__ import annotations

from seatrial.config.metric_names import base_name
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import ClassResult, EvaluationRecord
from seatrial.gates.checks.case import Case
from seatrial.gates.checks.data import described
from seatrial.gates.checks.numbers import (
    at_least,
    at_most,
    bound_of,
    keeps,
    shown,
    shown_bound,
    shown_interval,
)
from seatrial.gates.checks.recount import borne_out, counted, split_of_images
from seatrial.gates.checks.training import chosen_checkpoint
from seatrial.gates.verdicts import Finding, NotChecked, conclude, number_of, some

LISTED_MISTAKES = 24
"""The record lists so many mistakes at most."""


def evaluated(facts: Facts) -> EvaluationRecord:
    """The record of the evaluation.

    :raises NotChecked: it has not run.
    """
    if facts.evaluate is None:
        raise NotChecked("the evaluate step has not run")
    return facts.evaluate


def evaluated_on_test(case: Case) -> Finding:
    """The released weights were evaluated on the whole test split, in every configured metric."""
    if not (case.facts.config.test_set.enabled and case.facts.config.test_set.evaluate_at_end):
        return Finding("FAIL", "test_set.enabled and test_set.evaluate_at_end must both be true")
    result, data = evaluated(case.facts), described(case.facts)
    splits = {split.split: split for split in data.splits}
    test = splits.get("test")
    problems = []
    if test is None:
        problems.append("there is no test split")
    else:
        if result.n_test != test.total:
            problems.append(f"{result.n_test} images evaluated, the test split has {test.total}")
        if result.test_digest != test.digest:
            problems.append("another set of images was evaluated than the test split")
    checkpoint = chosen_checkpoint(case.facts.train) if case.facts.train is not None else None
    if checkpoint is None or checkpoint.sha256 != result.checkpoint_sha256:
        problems.append("other weights were evaluated than are released")
    names = case.facts.config.test_set.metrics
    problems += [f"{name}: {why}" for name in names if (why := _missing(name, result))]
    if not problems and counted(case).test_ids != split_of_images(case).get("test", {}).keys():
        problems.append("the images of predictions.npz are not those of the test split")
    undefined = [n for n in names if base_name(n) in result.test and _value(n, result) is None]
    proved = f"{len(names)} metrics on {number_of(result.n_test, 'image')}"
    return conclude(
        problems,
        f"{proved}; undefined, with a reason: {', '.join(undefined)}" if undefined else proved,
        measured=f"{len(names)} metrics, n = {result.n_test}",
        bound=f"{len(names)} metrics, n = {test.total if test else 'unknown'}",
    )


def _value(name: str, result: EvaluationRecord) -> float | None:
    return result.test[base_name(name)].value


def _missing(name: str, result: EvaluationRecord) -> str | None:
    if base_name(name) == "confusion_matrix":
        return None if result.confusion else "not measured"
    estimate = result.test.get(base_name(name))
    if estimate is None:
        return "not measured"
    if estimate.value is None and not (estimate.reason or "").strip():
        return "undefined, and no reason is given"
    return None


def target_met(case: Case) -> Finding:
    """Test accuracy reaches the declared target; how far the test set proves it is said."""
    result = evaluated(case.facts)
    finding = borne_out(
        case, at_least(case), lambda again: {"test_acc": (result.test["acc"].value, again.test_acc)}
    )
    needed = result.needed_n_test
    if finding.verdict != "PASS" or needed is None or needed <= result.n_test:
        return finding
    note = f"{needed} test images would be needed to prove it, there are {result.n_test}"
    return Finding("PASS", f"{finding.reason}; {note}", finding.measured, finding.bound)


def gap_within_bound(case: Case) -> Finding:
    """Validation and test accuracy differ by the bound at most, in either direction."""
    result = evaluated(case.facts)
    gap, bound = result.gap, bound_of(case.facts.config, case.item)
    val, test = (
        split["acc"].value if "acc" in split else None for split in (result.val, result.test)
    )
    if val is None or test is None:
        raise NotChecked("validation or test accuracy is not recorded")
    if abs(gap.value - (val - test)) > 1e-6:
        raise NotChecked(
            f"the recorded gap {gap.value:.6f} is not the difference of the accuracies,"
            f" {val - test:.6f}"
        )
    interval = shown_interval(gap.interval, "points")
    measured = f"{shown(gap.value, 'points', bound)} {interval}, p = {gap.p_value:.2g}"
    problems = []
    if bound is None or not keeps(abs(gap.value), "at most", bound):
        causes = f"; likely: {'; '.join(gap.causes)}" if gap.causes else ""
        problems.append(f"validation minus test: {measured}{causes}")
    finding = conclude(
        problems,
        f"validation minus test: {measured}; {gap.judgement}",
        measured=measured,
        bound=shown_bound(case.item, bound, "at most"),
    )
    return borne_out(
        case,
        finding,
        lambda again: {"val_acc": (val, again.val_acc), "test_acc": (test, again.test_acc)},
    )


def class_floor(case: Case) -> Finding:
    """No class of the data set has an F1 below the bound, and every one was tested."""
    result, data = evaluated(case.facts), described(case.facts)
    bound = bound_of(case.facts.config, case.item)
    if tuple(c.name for c in result.classes) != data.classes:
        raise NotChecked("the evaluated classes are not those of the data set")
    problems = [why for c in result.classes if (why := _below(c, bound))]
    measured = [(c.f1.value, c.name) for c in result.classes if c.f1.value is not None]
    worst = (
        f"{shown(min(measured)[0], 'number', bound)} ({min(measured)[1]})" if measured else "none"
    )
    finding = conclude(
        [f"{len(problems)} of {len(result.classes)} classes: {some(problems)}"] if problems else [],
        f"the weakest of {len(result.classes)} classes has F1 {worst}",
        measured=f"least F1 {worst}",
        bound=shown_bound(case.item, bound, "at least"),
    )
    return borne_out(
        case,
        finding,
        lambda again: {
            f"F1 of {c.name}": (c.f1.value, again.f1(index))
            for index, c in enumerate(result.classes)
        },
    )


def _below(result: ClassResult, bound: float | None) -> str | None:
    if result.support < 1:
        return f"{result.name} has no test image"
    if result.f1.value is None:
        return f"{result.name} has no F1 ({result.f1.reason or 'no reason is given'})"
    if bound is None or not keeps(result.f1.value, "at least", bound):
        return f"{result.name} has F1 {shown(result.f1.value, 'number', bound)}"
    return None


def failures_analysed(case: Case) -> Finding:
    """The confusion matrix counts every test image, and the mistakes are listed and drawn."""
    result = evaluated(case.facts)
    problems = [*_matrix_problems(result), *_listing_problems(result)]
    if not problems and counted(case).confusion.tolist() != [list(row) for row in result.confusion]:
        problems.append("the confusion matrix is not that of predictions.npz")
    pictures = ["confusion_matrix.png", *(["mistakes.png"] if result.n_mistakes else [])]
    problems += [
        f"{name} is missing" for name in pictures if not case.evidence.matching("evaluate", name)
    ]
    worst = [f"{c.true} as {c.predicted} ({c.count})" for c in result.confusions]
    return conclude(
        problems,
        f"{number_of(result.n_mistakes, 'mistake')}; most often {some(worst)}"
        if worst
        else "no mistake",
        measured=f"{number_of(result.n_mistakes, 'mistake')} of {result.n_test:,}",
    )


def _matrix_problems(result: EvaluationRecord) -> list[str]:
    matrix, size = result.confusion, len(result.classes)
    if len(matrix) != size or any(len(row) != size for row in matrix):
        return [f"the confusion matrix is not {size} × {size}"]
    problems = []
    total, hits = sum(map(sum, matrix)), sum(matrix[i][i] for i in range(size))
    if total != result.n_test:
        problems.append(f"the confusion matrix counts {total} images of {result.n_test}")
    wrong = [c.name for c, row in zip(result.classes, matrix, strict=True) if sum(row) != c.support]
    if wrong:
        problems.append(f"its rows are not the support of {some(wrong)}")
    accuracy = result.test["acc"].value if "acc" in result.test else None
    if accuracy is None or abs(accuracy * result.n_test - hits) > 1e-3:
        problems.append(f"its diagonal, {hits}, does not give the recorded accuracy")
    place = {c.name: index for index, c in enumerate(result.classes)}
    pairs = [
        f"{c.true} as {c.predicted}"
        for c in result.confusions
        if matrix[place[c.true]][place[c.predicted]] != c.count
    ]
    if pairs:
        problems.append(f"it does not agree with the confused pairs {some(pairs)}")
    if result.n_mistakes != total - hits:
        problems.append(f"{result.n_mistakes} mistakes recorded, {total - hits} in the matrix")
    return problems


def _listing_problems(result: EvaluationRecord) -> list[str]:
    problems = []
    expected = min(result.n_mistakes, LISTED_MISTAKES)
    if len(result.mistakes) < expected:
        problems.append(f"{len(result.mistakes)} mistakes listed, {expected} required")
    if any(not m.id or m.true == m.predicted for m in result.mistakes):
        problems.append("a listed mistake has no name or is none")
    if result.n_mistakes and not result.confusions:
        problems.append("the confused pairs of classes are not listed")
    return problems


def calibration(case: Case) -> Finding:
    """The calibration error was measured, agrees with its bins, and keeps a declared bound."""
    result = evaluated(case.facts)
    counted = sum(part.count for part in result.bins)
    if counted != result.n_test:
        raise NotChecked(f"the calibration bins count {counted} images of {result.n_test}")
    finding = at_most(case)
    recorded = result.test["ece"].value
    from_bins = _error_of_bins(result)
    if recorded is None or abs(recorded - from_bins) > 1e-4:
        raise NotChecked(f"the bins give an ECE of {from_bins:.5f}, recorded is {recorded}")
    return borne_out(case, finding, lambda again: {"test_ece": (recorded, again.ece)})


def _error_of_bins(result: EvaluationRecord) -> float:
    total = 0.0
    for part in result.bins:
        if part.count:
            if part.confidence is None or part.accuracy is None:
                raise NotChecked("a calibration bin has images and no figures")
            total += part.count * abs(part.confidence - part.accuracy)
    return total / result.n_test
