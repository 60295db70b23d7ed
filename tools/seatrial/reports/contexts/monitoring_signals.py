"""The signals a guide watches: what was measured, from what, by which formula, and the alarm.

A row is signal, measured value, source, formula, alarm; one that cannot be derived says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import DataRecord, EvaluationRecord
from seatrial.reports import formats as f
from seatrial.reports import thresholds as t
from seatrial.reports.contexts import releases
from seatrial.reports.render import Table
from seatrial.reports.sentences import results
from seatrial.reports.sentences.exports import NAMES

_COLUMNS = ("Signal", "Measured here", "Source", "Formula", "Alarm")
_LOW_QUANTILE = "0.05"
_LOW_SHARE = 0.05
_SLACK = f"{t.DEVIATIONS:g}"


def signals(rows: Sequence[Sequence[str]]) -> Table:
    """A table of signals."""
    return {"header": _COLUMNS, "align": "l" * len(_COLUMNS), "rows": rows}


def runtime(facts: Facts) -> Table:
    """Latency and memory of every published format."""
    rows = []
    for a in releases.published(facts):
        measured = releases.measurement_of(facts, a.format)
        single = releases.latency_at(measured, 1)
        name = NAMES[a.format]
        if measured is None or single is None:
            rows.append([f"p95 latency, {name}", f.NOT_MEASURED, "benchmark", "none", "none"])
            continue
        rows.append(
            [
                f"p95 latency at batch 1, {name}",
                f.milliseconds(single.p95_ms),
                f"benchmark, {f.count(single.repetitions)} calls",
                f"measured × {t.LATENCY_FACTOR:g}",
                f"above {f.milliseconds(single.p95_ms * t.LATENCY_FACTOR)}",
            ]
        )
        if measured.peak_memory_mb is not None:
            rows.append(
                [
                    f"peak memory, {name}",
                    f.megabytes(measured.peak_memory_mb),
                    f"benchmark, up to batch {max(x.batch for x in measured.latencies)}",
                    f"measured × {t.MEMORY_FACTOR:g}",
                    f"above {f.megabytes(measured.peak_memory_mb * t.MEMORY_FACTOR)}",
                ]
            )
    return signals(rows)


def confidence(evaluation: EvaluationRecord) -> list[list[str]]:
    """Mean confidence and the share of answers below the reference's 5 % quantile."""
    quantiles, m = evaluation.confidence_quantiles, evaluation.n_val
    source = f"validation, m = {f.count(m)}"
    mean, deviation = quantiles.get("mean"), quantiles.get("std")
    spread = "s measured"
    if mean is None:
        mean, m = results.mean_confidence(evaluation), evaluation.n_test
        source = f"reliability bins of the test set, m = {f.count(m)}"
    if mean is None:
        return [["mean confidence", f.NOT_MEASURED, "none", "none", "none"]]
    if deviation is None:
        deviation, spread = t.largest_deviation(mean), "s at most √(mean·(1 − mean))"
    low, high = t.band(mean, deviation, m)
    rows = [
        [
            "mean confidence",
            f"{f.decimal(mean)}, s = {f.decimal(deviation)}",
            source,
            f"mean ± {_SLACK}·s·√(1/n + 1/m), {spread}",
            f"below {f.decimal(low)} or above {f.decimal(min(1.0, high))}",
        ]
    ]
    quantile = quantiles.get(_LOW_QUANTILE)
    if quantile is not None:
        _, most = t.share_band(_LOW_SHARE, m)
        rows.append(
            [
                f"share of answers with confidence under {f.decimal(quantile)}",
                f.percent(_LOW_SHARE, 0),
                f"5 % quantile, {source}",
                f"q + {_SLACK}·√(q(1 − q))·√(1/n + 1/m), q = 0.05",
                f"above {f.percent(most)}",
            ]
        )
    return rows


def inputs(facts: Facts, data: DataRecord) -> list[list[str]]:
    """Mean and standard deviation of each channel of the model's input."""
    means, deviations = data.channel_mean, data.channel_std
    if not means and facts.config.data.mean is None and facts.config.data.std is None:
        means, deviations = data.preprocessing.mean, data.preprocessing.std
    n_train = next((s.total for s in data.splits if s.split == "train"), 0)
    if not means or not deviations or not n_train:
        return [["channel mean and deviation", f.NOT_MEASURED, "none", "none", "none"]]
    names = ("grey",) if len(means) == 1 else ("red", "green", "blue")
    source, rows = f"training images, m = {f.count(n_train)}", []
    for i, (mean, deviation) in enumerate(zip(means, deviations, strict=True)):
        measured = len(data.image_mean_std) > i
        spread = data.image_mean_std[i] if measured else deviation
        note = "s of the images' means" if measured else "s of the pixels, an upper bound"
        low, high = t.band(mean, spread, n_train)
        rows.append(
            [
                f"mean of {names[i]}",
                f"{f.decimal(mean)}, s = {f.decimal(spread)}",
                source,
                f"mean ± {_SLACK}·s·√(1/n + 1/m), {note}",
                f"below {f.decimal(low)} or above {f.decimal(high)}",
            ]
        )
        rows.append(
            [
                f"standard deviation of {names[i]}",
                f.decimal(deviation),
                source,
                f"measured / {t.SPREAD_FACTOR:g} to measured × {t.SPREAD_FACTOR:g}",
                f"below {f.decimal(deviation / t.SPREAD_FACTOR)} or above"
                f" {f.decimal(deviation * t.SPREAD_FACTOR)}",
            ]
        )
    return rows


def class_shares(evaluation: EvaluationRecord) -> Table:
    """The share of answers each class should have, and its band."""
    m = evaluation.n_val
    rows = []
    names = [c.name for c in evaluation.classes]
    if len(evaluation.predicted_shares) == len(names) and m:
        for name, share in zip(names, evaluation.predicted_shares, strict=True):
            low, high = t.share_band(share, m)
            rows.append(
                [name, f.percent(share), f"below {f.percent(low)} or above {f.percent(high)}"]
            )
    return {"header": ["Class", "Expected share of answers", "Alarm"], "align": "lrl", "rows": rows}


def class_mix(evaluation: EvaluationRecord) -> list[list[str]]:
    """The class mix as a whole: χ² and the population stability index."""
    k, m = len(evaluation.classes), evaluation.n_val
    if not evaluation.predicted_shares or not m or k < 2:
        return [["class mix", f.NOT_MEASURED, "none", "none", "none"]]
    source = f"answers on validation, m = {f.count(m)}"
    expected = t.smoothed(evaluation.predicted_shares, m)
    least = f.percent(min(expected))
    chi = t.chi_square_bound(k)
    return [
        [
            "χ² of the class mix",
            f"least expected share {least}",
            source,
            "Σ (observed − e)² / e / (1/n + 1/m), shares, e with half an image added to each class;"
            f" χ² with {k - 1} degrees of freedom, p = {t.CLASS_MIX_LEVEL:g}",
            f"above {f.decimal(chi, 2)}",
        ],
        [
            "population stability index",
            f"least expected share {least}",
            source,
            "Σ (observed − e)·ln(observed / e); bound χ²·(1/n + 1/m)",
            f"above {f.decimal(t.stability_index_bound(k, m), 4)}",
        ],
    ]


def baseline(evaluation: EvaluationRecord) -> float | None:
    """The middle of Wilson's interval: unlike k/n it is never 0 or 1, where no spread would be."""
    accuracy = evaluation.test.get("acc")
    if accuracy is None or accuracy.value is None or accuracy.interval is None:
        return None
    return sum(accuracy.interval) / 2


def accuracy_drops(evaluation: EvaluationRecord) -> Table:
    """How many labelled images show a drop in accuracy, and from where on they do."""
    accuracy, rows = baseline(evaluation), list[list[str]]()
    for drop in t.ACCURACY_DROPS:
        n = None if accuracy is None else t.labelled_images_needed(accuracy, drop)
        if accuracy is not None and n is not None:
            rows.append(
                [
                    f.points(drop, signed=False),
                    f.count(n),
                    f"below {f.percent(t.accuracy_alarm(accuracy, n))}",
                ]
            )
    return {
        "header": ["Drop to notice", "Labelled images needed", "Alarm if accuracy on them is"],
        "align": "lrl",
        "rows": rows,
    }
