"""Sentences on how the model came to be: its configuration, data, and training."""

from __future__ import annotations

from seatrial.evidence.records import DataRecord, RunRecord, TrainRecord
from seatrial.reports import formats as f


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
    """What was found wrong with the data, or that nothing was."""
    lines = [f"Splits: {data.split_method}."]
    if data.unreadable:
        lines.append(
            f"{f.plural(len(data.unreadable), 'image')} of {f.count(data.total_found)} could not"
            f" be read: {f.listing([u.id for u in data.unreadable])}."
        )
    if data.leakage:
        lines.append(
            f"Leakage: {f.plural(len(data.leakage), 'pair')} of the same or nearly the same image"
            " across splits; accuracy measured on such images is not accuracy on new ones."
        )
        lines += [
            f"Leak: {p.first} ({p.first_split}) and {p.second} ({p.second_split}), {p.kind}."
            for p in data.leakage[:5]
        ]
    else:
        lines.append(f"No duplicate across splits was found ({data.duplicate_method}).")
    if data.groups_crossing:
        lines.append(
            f"Groups that cross splits: {f.count(len(data.groups_crossing))}"
            f" ({f.listing(data.groups_crossing)})."
        )
    if data.conflicting_labels:
        lines.append(
            f"The same image under two labels: {f.plural(len(data.conflicting_labels), 'pair')}."
        )
    if data.duplicates_within:
        lines.append(f"Duplicates within a split: {f.plural(len(data.duplicates_within), 'pair')}.")
    return lines + list(data.warnings)


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
