"""Context of ``monitoring_guide.md``: alarm bounds, each with its formula and source figure."""

from __future__ import annotations

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import EvaluationRecord
from seatrial.reports import formats as f
from seatrial.reports import thresholds as t
from seatrial.reports.contexts import monitoring_signals as signals
from seatrial.reports.contexts.header import header
from seatrial.reports.render import Table
from seatrial.reports.sentences import exports, results

_FEWEST_EXPECTED = 5
_SLACK = f"{t.DEVIATIONS:g}"


def context(facts: Facts) -> dict[str, object]:
    """Facts with data and evaluation → the template's values."""
    evaluation, data = facts.evaluate, facts.data
    if evaluation is None or data is None:
        raise ValueError("a monitoring guide needs the steps data and evaluate")
    return {
        "title": "Monitoring guide",
        "header": header(facts),
        "window": f.count(t.WINDOW),
        "method": _method(evaluation),
        "record": _record(),
        "runtime": signals.runtime(facts),
        "runtime_notes": _runtime_notes(facts),
        "confidence": signals.signals(signals.confidence(evaluation)),
        "confidence_notes": results.calibration(evaluation, facts.config.targets.max_ece),
        "inputs": signals.signals(signals.inputs(facts, data)),
        "input_notes": _input_notes(facts),
        "mix": signals.class_shares(evaluation),
        "mix_bounds": signals.signals(signals.class_mix(evaluation)),
        "mix_notes": _mix_notes(evaluation),
        "accuracy": signals.accuracy_drops(evaluation),
        "accuracy_notes": _accuracy_notes(facts, evaluation),
        "actions": _actions(),
    }


def headline_thresholds(facts: Facts) -> list[str]:
    """The most telling bounds, for the deployment guide."""
    if facts.evaluate is None:
        return ["Bounds are in docs/monitoring_guide.md."]
    first = [row[0] + ": alarm " + row[-1] + "." for row in signals.runtime(facts)["rows"][:1]]
    rows = signals.confidence(facts.evaluate)[:1] + signals.class_mix(facts.evaluate)[:1]
    return [
        *first,
        *(f"{row[0]}: alarm {row[-1]}." for row in rows),
        "All bounds, with formulas and sources, are in docs/monitoring_guide.md.",
    ]


def _method(evaluation: EvaluationRecord) -> list[str]:
    return [
        f"Bounds are for windows of {f.count(t.WINDOW)} images; n is the window, m the number of"
        " images in the reference.",
        f"A band is {_SLACK} standard errors wide on either side, s·√(1/n + 1/m): without a change"
        " about 1 window in 370 alarms, for each signal.",
        "Confidence and class mix are referred to"
        f" {f.plural(evaluation.n_val, 'validation image')},"
        " input statistics to the training images, latency and memory to the benchmark of this"
        " release.",
        "For another window, put its n into the formula.",
    ]


def _record() -> Table:
    return {
        "header": ["What", "How often", "For"],
        "align": "lll",
        "rows": [
            ["latency of the model's call in ms", "every request", "latency"],
            ["resident memory of the process in MB", "every minute", "memory"],
            ["confidence of the predicted class", "every request", "confidence"],
            ["predicted class", "every request", "class mix"],
            [
                "mean and standard deviation of each channel divided by 255, after resizing and"
                " before normalisation",
                "every request or a random sample",
                "input statistics",
            ],
            ["the true class", "a random sample, labelled by people", "accuracy"],
            ["SHA-256 of the model file", "at every start", "knowing which release answered"],
        ],
    }


def _runtime_notes(facts: Facts) -> list[str]:
    if facts.benchmark is None:
        return ["Not measured: the benchmark step has not finished in this run."]
    targets = facts.config.targets
    lines = [
        *exports.busy(facts.benchmark),
        f"The factors {t.LATENCY_FACTOR:g} and {t.MEMORY_FACTOR:g} are chosen, not measured: they"
        " leave room for the load of a serving machine.",
        f"The figures are of {facts.benchmark.processor}; on another machine measure again and"
        " apply the same factors.",
    ]
    for name, bound in (
        ("latency p95", f.milliseconds(targets.max_latency_p95_ms)),
        ("peak memory", f.megabytes(targets.max_memory_mb)),
    ):
        if bound == f.NOT_MEASURED:
            lines.append(f"No budget is declared for {name}.")
        else:
            lines.append(f"Declared budget for {name}: {bound}; it holds whatever the alarm is.")
    return lines


def _input_notes(facts: Facts) -> list[str]:
    lines = [
        "Values are pixels divided by 255, at the model's size, before normalisation, over all"
        " pixels of the window.",
        f"The factor {t.SPREAD_FACTOR:g} on the standard deviation is chosen, not measured.",
    ]
    data = facts.data
    if data is not None and not data.channel_mean and facts.config.data.mean is not None:
        lines.append(
            "The normalisation of this model is configured, not measured on its data, so it"
            " is no source of bounds."
        )
    return lines


def _mix_notes(evaluation: EvaluationRecord) -> list[str]:
    lines = ["Predicted classes are compared with predicted classes: no labels are needed."]
    expected = t.smoothed(evaluation.predicted_shares, evaluation.n_val)
    rare = sum(share * t.WINDOW < _FEWEST_EXPECTED for share in expected)
    if rare:
        lines.append(
            f"For {f.plural(rare, 'class', 'classes')} fewer than {_FEWEST_EXPECTED} images are"
            " expected in a window: χ² is no good approximation there; merge them or take a longer"
            " window."
        )
    return lines


def _accuracy_notes(facts: Facts, evaluation: EvaluationRecord) -> list[str]:
    baseline, accuracy = signals.baseline(evaluation), evaluation.test.get("acc")
    if baseline is None or accuracy is None or accuracy.interval is None:
        return ["Not measured: test accuracy has no interval, so no drop can be sized."]
    lines = [
        f"Source: test accuracy {f.estimate(accuracy, True)} on"
        f" {f.plural(evaluation.n_test, 'image')}; p = {f.percent(baseline)}, the middle of its"
        " interval.",
        "Images needed: ((1.645·√(p(1 − p)) + 0.842·√(q(1 − q))) / drop)², q = p − drop: one-sided"
        " test at level 5 %, which notices the drop 4 times in 5.",
        "Alarm: p − 1.645·√(p(1 − p) / n).",
        "Whatever the number labelled: accuracy has dropped by more than chance when the upper end"
        f" of its own 95 % Wilson interval is below {f.percent(accuracy.interval[0])}, the lower"
        " end of the one measured here.",
    ]
    target = facts.config.targets.test_acc
    if target is not None:
        lines.append(
            f"The declared target of {f.percent(target)} is missed by more than chance when that"
            " upper end is below it."
        )
    return lines


def _actions() -> Table:
    return {
        "header": ["Alarm", "First look at", "Then"],
        "align": "lll",
        "rows": [
            [
                "latency or memory",
                "load, threads, versions against requirements.txt",
                "run the load test of the deployment guide on the machine",
            ],
            [
                "confidence",
                "input statistics of the same window; images with the least confidence",
                "label a sample and measure accuracy",
            ],
            [
                "input statistics",
                "camera, decoding, resizing, colour order of the caller",
                "compare load_image of the deployment guide with the caller's array",
            ],
            [
                "class mix",
                "whether the world changed or the inputs did",
                "label a sample of the classes that moved",
            ],
            [
                "accuracy",
                "which classes fell, and whether their images are of a new kind",
                "stop relying on the model for them; train and finalize anew with such images",
            ],
        ],
    }
