"""Tables of where a model comes from: its splits, its data set, its training."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import DataRecord, TrainRecord
from seatrial.reports import formats as f
from seatrial.reports.render import Table
from seatrial.reports.sentences import training


def splits_table(data: DataRecord) -> Table:
    """One class a row, one split a column."""
    rows = [
        [name, *(f.count(split.per_class[i]) for split in data.splits)]
        for i, name in enumerate(data.classes)
    ]
    rows.append(["all", *(f.count(split.total) for split in data.splits)])
    return {
        "header": ["Class", *(split.split for split in data.splits)],
        "align": "l" + "r" * len(data.splits),
        "rows": rows,
    }


def data_facts(data: DataRecord) -> Table:
    """Identity, origin, form and flaws of the data set."""
    (narrow, wide), (low, high) = data.width_range, data.height_range
    modes = ", ".join(f"{mode} {f.count(n)}" for mode, n in data.modes.items())
    return {
        "header": ["Property", "Value"],
        "align": "ll",
        "rows": [
            ["Read from", data.source],
            ["Digest", data.digest],
            ["Source", data.card.source],
            ["Licence", data.card.licence],
            ["Consent", data.card.consent],
            ["Image widths", f"{f.count(narrow)} to {f.count(wide)} pixels"],
            ["Image heights", f"{f.count(low)} to {f.count(high)} pixels"],
            ["Image modes", modes or f.NOT_MEASURED],
            ["Unreadable images", _unreadable(data)],
            ["Duplicate pairs across splits", _count(data.leakage, data.leakage_total)],
            [
                "Duplicate pairs within a split",
                _count(data.duplicates_within, data.duplicates_within_total),
            ],
            [
                "Duplicate pairs under two labels",
                _count(data.conflicting_labels, data.conflicting_labels_total),
            ],
            ["Groups that cross splits", f.count(len(data.groups_crossing))],
        ],
    }


def _unreadable(data: DataRecord) -> str:
    found = data.unreadable
    names = f": {f.listing([u.id for u in found])}" if found else ""
    return f"{f.count(len(found))} of {f.count(data.total_found)}{names}"


def _count(listed: Sequence[object], counted: int) -> str:
    return f.count(training.total(listed, counted))


def recipe(facts: Facts, train: TrainRecord) -> Table:
    """The settings of the training; nothing is claimed of one that took place elsewhere."""
    rows = [["all", "unknown: trained elsewhere"]]
    if not train.trained_elsewhere:
        rows = _settings(facts, train)
    return {"header": ["Setting", "Value"], "align": "ll", "rows": rows}


def _settings(facts: Facts, train: TrainRecord) -> list[list[str]]:
    config = facts.config
    augmentation = config.data_augmentation
    used = [t.name for t in augmentation.transforms] if augmentation.enabled else []
    return [
        ["Pretrained weights", f.yes_no(config.model.pretrained)],
        ["Optimiser", config.optimizer.type],
        ["Learning rate", f.significant(config.optimizer.learning_rate)],
        ["Weight decay", f.significant(config.optimizer.weight_decay)],
        ["Schedule", config.scheduler.type],
        ["Batch size", f.count(train.batch_size)],
        ["Processes", f.count(train.processes)],
        ["Batch-norm statistics", train.batch_norm.replace("_", " ")],
        ["Label smoothing", f.significant(config.loss.label_smoothing)],
        ["Augmentation", ", ".join(used) or "none"],
        ["Precision", train.precision],
        ["Device", train.device],
        ["Seed", str(train.seed)],
        ["Time", f.seconds(train.seconds)],
    ]
