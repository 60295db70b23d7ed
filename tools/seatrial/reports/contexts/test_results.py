"""Context of ``test_results.md``: everything measured on the held-out test set."""

from __future__ import annotations

from pathlib import PurePosixPath

from seatrial.config.metric_names import METRICS
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import EvaluationRecord, TrainRecord
from seatrial.reports import formats as f
from seatrial.reports.contexts.header import header
from seatrial.reports.render import Table
from seatrial.reports.sentences import results, training

PERCENTAGES = frozenset({"acc", "balanced_acc", "top5", "ece"})
_MATRIX_CLASSES = 20
_PICTURES = ("confusion_matrix.png", "reliability_diagram.png", "mistakes.png")


def context(facts: Facts) -> dict[str, object]:
    """Facts with data, training and evaluation → the template's values."""
    evaluation, train = facts.evaluate, facts.train
    if evaluation is None or train is None or facts.data is None:
        raise ValueError("test results need the steps data, train and evaluate")
    targets = facts.config.targets
    shown = {PurePosixPath(path).name for path in evaluation.plots}
    return {
        "title": "Test results",
        "header": header(facts),
        "target": [*results.target(evaluation, targets), *results.baseline(evaluation)],
        "warnings": list(evaluation.warnings),
        "target_table": target_table(facts),
        "n_test": f.plural(evaluation.n_test, "image"),
        "metrics": metrics_table(evaluation),
        "undefined": results.undefined(evaluation.test),
        "gap_table": _gap_table(evaluation),
        "gap": results.gap(evaluation, targets.max_val_test_gap),
        "classes": classes_table(evaluation, targets.min_class_f1),
        "class_notes": results.classes(evaluation.classes, targets.min_class_f1),
        "matrix": _matrix(evaluation),
        "bins": _bins(evaluation),
        "calibration": results.calibration(evaluation, targets.max_ece),
        "mistake_notes": results.mistakes(evaluation),
        "confusions": _confusions(evaluation),
        "mistakes": _mistakes(evaluation),
        "pictures": {name.split(".")[0]: name in shown for name in _PICTURES},
        "reproducibility": _reproducibility(facts, evaluation, train),
        "repeat": [*repeat(evaluation, train), training.repository(facts.run)],
    }


def target_table(facts: Facts) -> Table:
    """Target, achieved, margin, bound by bound."""
    evaluation, targets = facts.evaluate, facts.config.targets
    accuracy = None if evaluation is None else evaluation.test.get("acc")
    return {
        "header": ["Quantity", "Value"],
        "align": "ll",
        "rows": [
            [
                "Target test accuracy",
                "not declared" if targets.test_acc is None else f.percent(targets.test_acc),
            ],
            ["Achieved", f.estimate(accuracy, True)],
            ["Margin", results.margin(evaluation, targets)],
        ],
    }


def metrics_table(evaluation: EvaluationRecord) -> Table:
    """Every metric on test and on validation, in the order of the configuration's names."""
    names = [n for n in METRICS if n in evaluation.test]
    names += [n for n in evaluation.test if n not in METRICS]
    return {
        "header": ["Metric", "Test", "Validation", "Meaning"],
        "align": "llll",
        "rows": [
            [
                f"test_{name}",
                f.estimate(evaluation.test[name], name in PERCENTAGES),
                f.estimate(evaluation.val.get(name), name in PERCENTAGES),
                METRICS.get(name, "not described"),
            ]
            for name in names
        ],
    }


def _gap_table(evaluation: EvaluationRecord) -> Table:
    gap = evaluation.gap
    return {
        "header": ["Quantity", "Value"],
        "align": "ll",
        "rows": [
            ["Validation accuracy", f.estimate(evaluation.val.get("acc"), True)],
            ["Validation images", f.count(evaluation.n_val)],
            ["Test accuracy", f.estimate(evaluation.test.get("acc"), True)],
            ["Test images", f.count(evaluation.n_test)],
            [
                "Gap, validation minus test",
                f"{f.points(gap.value)} {f.interval_percent(gap.interval)}",
            ],
            ["Two-sided test of no difference", f.p_value(gap.p_value)],
            ["Judgement", gap.judgement],
        ],
    }


def classes_table(evaluation: EvaluationRecord, floor: float) -> Table:
    """One class a row, with its support and whether it reaches the floor."""
    rows = []
    for c in evaluation.classes:
        reached = "undefined" if c.f1.value is None else f.yes_no(c.f1.value >= floor)
        figures = (c.precision, c.recall, c.f1, c.auc)
        rows.append([c.name, f.count(c.support), *(f.estimate(v, False) for v in figures), reached])
    return {
        "header": [
            "Class",
            "Test images",
            "Precision",
            "Recall",
            "F1",
            "AUC",
            f"F1 at least {f.decimal(floor, 2)}",
        ],
        "align": "lrlllll",
        "rows": rows,
    }


def _matrix(evaluation: EvaluationRecord) -> Table:
    names = [c.name for c in evaluation.classes]
    if len(names) > _MATRIX_CLASSES:
        return _off_diagonal(names, evaluation.confusion)
    return {
        "header": ["True class", *names],
        "align": "l" + "r" * len(names),
        "rows": [
            [name, *map(f.count, row)]
            for name, row in zip(names, evaluation.confusion, strict=True)
        ],
    }


def _off_diagonal(names: list[str], matrix: tuple[tuple[int, ...], ...]) -> Table:
    """With many classes a square is unreadable: one row a class, what it was taken for."""
    rows = []
    for i, row in enumerate(matrix):
        wrong = sorted(
            ((n, j) for j, n in enumerate(row) if j != i and n), key=lambda p: (-p[0], p[1])
        )
        taken = f.listing([f"{names[j]} {f.count(n)}" for n, j in wrong], 5) if wrong else "none"
        rows.append([names[i], f.count(row[i]), f.count(sum(row) - row[i]), taken])
    return {"header": ["True class", "Right", "Wrong", "Taken for"], "align": "lrrl", "rows": rows}


def _bins(evaluation: EvaluationRecord) -> Table:
    return {
        "header": ["Confidence", "Images", "Mean confidence", "Accuracy"],
        "align": "lrrl",
        "rows": [
            [
                f"{f.decimal(b.lower)} to {f.decimal(b.upper)}",
                f.count(b.count),
                f.percent(b.confidence),
                f"{f.percent(b.accuracy)} {f.interval_percent(b.interval)}".rstrip(),
            ]
            for b in evaluation.bins
            if b.count
        ],
    }


def _confusions(evaluation: EvaluationRecord) -> Table:
    return {
        "header": ["True class", "Taken for", "Images", "Share of the true class"],
        "align": "llrr",
        "rows": [
            [c.true, c.predicted, f.count(c.count), f.percent(c.share_of_true)]
            for c in evaluation.confusions
        ],
    }


def _mistakes(evaluation: EvaluationRecord) -> Table:
    return {
        "header": ["Image", "True class", "Answer", "Confidence"],
        "align": "lllr",
        "rows": [[m.id, m.true, m.predicted, f.percent(m.confidence)] for m in evaluation.mistakes],
    }


def _reproducibility(facts: Facts, evaluation: EvaluationRecord, train: TrainRecord) -> Table:
    environment, data = facts.run.environment, facts.data
    return {
        "header": ["What", "Value"],
        "align": "ll",
        "rows": [
            ["Configuration SHA-256", facts.run.config_sha256],
            ["Checkpoint SHA-256", evaluation.checkpoint_sha256],
            ["Data set digest", f.NOT_MEASURED if data is None else data.digest],
            ["Test set digest", evaluation.test_digest],
            ["Commit", facts.run.git.commit or f.stated(facts.run.git.reason)],
            ["Seed", "unknown: trained elsewhere" if train.trained_elsewhere else str(train.seed)],
            ["Deterministic algorithms", f.yes_no(train.deterministic)],
            ["Device", train.device],
            ["Threads", str(train.threads)],
            ["Processes", str(train.processes)],
            ["Python", environment.python],
            ["Seatrial", environment.seatrial_version],
            ["Seatrial code SHA-256", environment.code_sha256],
        ],
    }


def repeat(evaluation: EvaluationRecord, train: TrainRecord) -> list[str]:
    """Whether evaluation repeats, the checkpoint keeps its promise, and the test set is fresh."""
    lines = [
        "A second pass over the test set gave bit for bit the same logits."
        if evaluation.repeat_identical
        else "A second pass over the test set gave other logits: evaluation does not repeat."
    ]
    recorded, again = evaluation.recorded_value, evaluation.reevaluated_value
    if recorded is None or again is None:
        lines.append("The checkpoint records no validation metric to compare with.")
    else:
        verdict = "the same" if recorded == again else f"other by {f.significant(again - recorded)}"
        lines.append(
            f"The checkpoint recorded {train.monitor}"
            f" {training.metric(train.monitor, recorded)}; evaluated again it is {verdict}."
        )
    count = evaluation.ledger_count
    if count <= 1:
        lines.append("These weights are the first that this project evaluated on a test set.")
    else:
        lines.append(
            f"This project has evaluated {f.count(count)} pairs of weights and test set so far,"
            " this one included: the more were looked at before choosing, the more the accuracy"
            " above flatters."
        )
    return lines
