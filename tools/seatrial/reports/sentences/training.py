"""Sentences on how the model came to be: its configuration, data, and training."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.records import DataRecord, RunRecord, TrainRecord
from seatrial.reports import formats as f

_LEAKS_SHOWN = 20


def vouching(run: RunRecord) -> str:
    """Which earlier gate vouches for the configuration."""
    if run.vouched_by is None:
        return (
            "No earlier gate vouches for this configuration: it was given by hand"
            f" ({run.config_path or 'no file'})."
        )
    return f"The earlier gate {run.vouched_by} vouches for this configuration."


def elsewhere(run: RunRecord) -> str:
    """The note that stands at the top of every document of a model trained elsewhere."""
    return (
        "Trained elsewhere: the weights were given as a checkpoint"
        f" ({run.checkpoint or 'unnamed'}). Seatrial did not see the training, its data or its"
        " choices, and vouches for evaluation, export and measurement alone."
    )


def outcome(train: TrainRecord, run: RunRecord) -> list[str]:
    """How the training ended and whether it was healthy."""
    if train.trained_elsewhere:
        return [elsewhere(run)]
    done = len(train.epochs)
    ending = "by early stopping" if train.stopped == "early_stopping" else "at the last epoch"
    lines = [
        f"Training ended {ending}, after {f.plural(done, 'epoch')} of"
        f" {f.count(train.epochs_planned)} planned.",
        f"Best epoch {train.best_epoch} by {train.monitor}:"
        f" {metric(train.monitor, train.best_value)}.",
        *_losses(train),
        *(
            f"Diagnosis in epoch {d.epoch} ({'critical' if d.critical else 'not critical'}):"
            f" {d.message}"
            for d in train.diagnoses
        ),
    ]
    if not train.diagnoses:
        lines.append("No divergence, stall, overfitting or not-a-number was noticed.")
    if train.resumed_at_epochs:
        epochs = f.listing([str(epoch) for epoch in train.resumed_at_epochs])
        lines.append(f"Training was interrupted and resumed at epoch {epochs}.")
    if train.stopped == "last_epoch" and done and train.best_epoch == train.epochs[-1].epoch:
        lines.append("The best epoch is the last one: training longer may still improve it.")
    return lines


def metric(name: str, value: float | None) -> str:
    """A validation metric in its own unit: accuracies as percentages, the rest as numbers."""
    return f.percent(value) if name.endswith("acc") else f.decimal(value, 4)


def _losses(train: TrainRecord) -> list[str]:
    if len(train.epochs) < 2:
        return []
    first, last = train.epochs[0].train_loss, train.epochs[-1].train_loss
    verb = "fell" if last < first else "did not fall"
    return [
        f"Training loss {verb}: {f.decimal(first)} in the first epoch,"
        f" {f.decimal(last)} in the last."
    ]


def data(data: DataRecord) -> list[str]:
    """How the splits came about, what to know of the data, and whether a split leaks."""
    lines = [f"Splits: {data.split_method.rstrip('.')}.", *data.warnings]
    pairs = total(data.leakage, data.leakage_total)
    if not pairs:
        return [*lines, f"No duplicate across splits was found ({data.duplicate_method})."]
    lines.append(
        f"Leakage: {f.plural(pairs, 'pair')} of the same or nearly the same image across splits;"
        " accuracy measured on such images is not accuracy on new ones."
    )
    shown = data.leakage[:_LEAKS_SHOWN]
    lines += [
        f"Leak, {p.kind}: {p.first} ({p.first_split}) and {p.second} ({p.second_split})."
        for p in shown
    ]
    if pairs > len(shown):
        lines.append(
            f"{f.count(pairs - len(shown))} more are in record.json of the run's data step."
        )
    if "leakage.png" in {path.split("/")[-1] for path in data.plots}:
        lines.append("They are drawn in results/production/leakage.png.")
    return lines


def total(listed: Sequence[object], counted: int) -> int:
    """How many there are, where a record may list fewer."""
    return max(len(listed), counted)


def repository(run: RunRecord) -> str:
    """The state of the repository when the run began."""
    git = run.git
    if git.commit is None:
        return f"No commit is recorded: {git.reason or 'no reason recorded'}."
    if git.dirty:
        changed = f.plural(len(git.dirty), "changed file")
        return (
            f"Commit {f.digest(git.commit)} with {changed} when the run began"
            f" ({f.listing(git.dirty)}): the commit alone does not give this model again."
        )
    return f"Commit {f.digest(git.commit)}, clean when the run began."
