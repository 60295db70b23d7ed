"""Tables of the exported files: verification, flipped decisions, int8 search, measurement."""

from __future__ import annotations

from collections import Counter

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import FormatVerification, QuantizationTrial
from seatrial.reports import formats as f
from seatrial.reports.contexts import releases
from seatrial.reports.render import Table
from seatrial.reports.sentences import exports
from seatrial.reports.sentences.exports import NAMES

MOST_FLIPS = 20


def exports_table(facts: Facts) -> Table:
    """One format a row: file, size, verification, differences."""
    rows = []
    for a in () if facts.export is None else facts.export.artifacts:
        file = releases.published_path(a) if a.status == "exported" and a.path else "none"
        verified = _verified(releases.verification_of(facts, a.format))
        rows.append([NAMES[a.format], a.status, file, f.size(a.size_bytes), *verified])
    return {
        "header": [
            "Format",
            "Export",
            "File",
            "Size",
            "Verification",
            "Test accuracy",
            "ECE",
            "Decisions that flip",
            "Largest logit difference",
            "Golden images",
        ],
        "align": "llllllllll",
        "rows": rows,
    }


def _verified(v: FormatVerification | None) -> list[str]:
    if v is None:
        return ["not verified", *[f.NOT_MEASURED] * 5]
    golden = f.NOT_MEASURED if v.golden_agree is None else f"{v.golden_agree} of {v.golden_n} agree"
    return [
        "passed" if v.passed else "failed",
        f.estimate(v.accuracy, True),
        f.percent(v.ece),
        f"{f.count(len(v.flips))} of {f.count(v.n)}",
        f.significant(v.max_logit_difference),
        golden,
    ]


def flips_table(facts: Facts) -> Table:
    """The images on which an export decides otherwise, the first of each format, with margins."""
    rows = [
        [
            NAMES[v.format],
            flip.id,
            flip.true,
            flip.reference,
            flip.exported,
            f.significant(flip.reference_margin),
            f.significant(flip.exported_margin),
            f.yes_no(flip.tie),
        ]
        for v in (() if facts.verify is None else facts.verify.formats)
        for flip in v.flips[:MOST_FLIPS]
    ]
    return {
        "header": [
            "Format",
            "Image",
            "True class",
            "Model",
            "Export",
            "Margin of the model",
            "Margin of the export",
            "Tie",
        ],
        "align": "lllllrrl",
        "rows": rows,
    }


def flips_note(facts: Facts) -> list[str]:
    """What the table of flips leaves out."""
    return [
        f"{NAMES[v.format]}: the first {MOST_FLIPS} of {f.count(len(v.flips))} flipped decisions"
        " are listed; all stand in the record of the verify step."
        for v in (() if facts.verify is None else facts.verify.formats)
        if len(v.flips) > MOST_FLIPS
    ]


def trials_table(facts: Facts) -> Table:
    """One int8 setting a row, as tried on validation images."""
    trials = () if facts.export is None else facts.export.trials
    tried = [trial for trial in trials if trial.skipped is None]
    return {
        "header": [
            "Activations",
            "Weights",
            "Calibration",
            "Operators",
            "Nodes in float",
            "Accuracy drop",
            "Flips",
            "Speed against fp32",
            "Size",
            "Chosen",
        ],
        "align": "llllrrrrrl",
        "rows": [_trial(trial) for trial in tried],
    }


def skipped_note(facts: Facts) -> list[str]:
    """How many settings were not tried, by reason."""
    trials = () if facts.export is None else facts.export.trials
    reasons = Counter(trial.skipped for trial in trials if trial.skipped is not None)
    return [f"{f.plural(n, 'setting')} not tried: {why}." for why, n in sorted(reasons.items())]


def _trial(trial: QuantizationTrial) -> list[str]:
    operators = "all" if trial.operators == "all" else "Conv, Gemm, MatMul"
    chosen = "yes" if trial.chosen else "no"
    if trial.error:
        chosen = f"failed: {trial.error}"
    return [
        trial.activation,
        "int8 per channel" if trial.per_channel else "int8 per tensor",
        trial.calibration,
        operators,
        f.count(len(trial.nodes_in_float)),
        f.points(trial.val_acc_drop),
        f.NOT_MEASURED if trial.flips is None else f.count(trial.flips),
        f.ratio(trial.speedup),
        f.size(trial.size_bytes),
        chosen,
    ]


def measurements_table(facts: Facts) -> Table:
    """One format and batch size a row: latency, throughput, memory, size."""
    rows = []
    for m in () if facts.benchmark is None else facts.benchmark.formats:
        for latency in m.latencies:
            rows.append(
                [
                    NAMES[m.format],
                    str(latency.batch),
                    f.milliseconds(latency.p50_ms),
                    f.milliseconds(latency.p95_ms),
                    f.milliseconds(latency.p99_ms),
                    f.rate(latency.images_per_second),
                    f.milliseconds(m.load_ms),
                    f.megabytes(m.peak_memory_mb),
                    f.megabytes(m.gpu_memory_mb),
                    f.megabytes(m.size_mb),
                ]
            )
    return {
        "header": [
            "Format",
            "Batch",
            "p50",
            "p95",
            "p99",
            "Throughput",
            "Load time",
            "Peak memory",
            "GPU memory",
            "File",
        ],
        "align": "lrrrrrrrrr",
        "rows": rows,
    }


def measuring_conditions(facts: Facts) -> list[str]:
    """Machine, threads, load, versions, repetitions of the measurement."""
    record = facts.benchmark
    if record is None:
        return ["Not measured: the benchmark step has not finished in this run."]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))
    repetitions = {latency.repetitions for m in record.formats for latency in m.latencies}
    processes = f.plural(record.processes_per_format, "fresh process", "fresh processes")
    calls = " or ".join(f.count(n) for n in sorted(repetitions)) or "no"
    return [
        f"Measured on {record.processor}, {f.plural(record.cores, 'core')}, with"
        f" {f.plural(record.threads, 'thread')}, load average {f.decimal(record.load_average, 2)}"
        f" beforehand, GPU: {record.gpu or 'none'}.",
        f"Versions: {versions or f.NOT_MEASURED}.",
        f"{calls} timed calls a row, over up to {processes} a format, formats in"
        " turn; times are of the model's call alone, without decoding.",
        *exports.busy(record),
        "Times belong to this machine; measure again on the one that will serve.",
    ]
