"""Items on the final training: complete, kept, resumable, healthy."""

from __future__ import annotations

import math

from seatrial.config.metric_names import LOWER_IS_BETTER, base_name
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import Checkpoint, Epoch, TrainRecord
from seatrial.gates.checks.case import Case
from seatrial.gates.checks.numbers import bound_of, keeps
from seatrial.gates.evidence_files import Evidence
from seatrial.gates.verdicts import Finding, NotChecked, conclude, skipped, some

ELSEWHERE = "trained elsewhere"


def trained(facts: Facts) -> TrainRecord:
    """The record of the training.

    :raises NotChecked: it has not run.
    """
    if facts.train is None:
        raise NotChecked("the train step has not run")
    return facts.train


def chosen_checkpoint(train: TrainRecord) -> Checkpoint | None:
    """The checkpoint that is released: the best one, or the one that was given."""
    found = [c for c in train.checkpoints if c.role in ("best", "given")]
    return found[0] if found else None


def training_complete(case: Case) -> Finding:
    """Every planned epoch, or all up to early stopping, is recorded, with defined figures."""
    train = trained(case.facts)
    if train.trained_elsewhere:
        return skipped(ELSEWHERE)
    measured = (
        f"{len(train.epochs)} of {train.epochs_planned} epochs, {train.stopped.replace('_', ' ')}"
    )
    problems = [*_gaps(train), *_ending(train, case.facts), *_undefined(train)]
    proved = (
        f"stopped by {train.stopped.replace('_', ' ')}; every epoch recorded, all figures defined"
    )
    return conclude(problems, proved, measured=measured)


def _gaps(train: TrainRecord) -> list[str]:
    if not train.epochs:
        return ["no epoch is recorded"]
    found = [epoch.epoch for epoch in train.epochs]
    if found == list(range(1, len(found) + 1)):
        return []
    missing = sorted(set(range(1, max(found) + 1)) - set(found))
    what = f"missing: {some([str(n) for n in missing])}" if missing else "repeated or out of order"
    return [f"the recorded epochs are not 1 to {len(found)}: {what}"]


def _ending(train: TrainRecord, facts: Facts) -> list[str]:
    count, planned = len(train.epochs), train.epochs_planned
    problems = []
    if planned != facts.config.training.epochs:
        problems.append(f"{planned} epochs planned, {facts.config.training.epochs} configured")
    if train.stopped == "last_epoch" and count != planned:
        problems.append(f"said to have reached the last epoch, with {count} of {planned}")
    if train.stopped == "early_stopping" and not facts.config.early_stopping.enabled:
        problems.append("stopped early, though early stopping is not enabled")
    if train.stopped == "trained_elsewhere":
        problems.append("how the training stopped is not recorded")
    if count > planned:
        problems.append(f"{count} epochs recorded, {planned} planned")
    return problems


def _undefined(train: TrainRecord) -> list[str]:
    problems = [f"not-a-number: {d.message}" for d in train.diagnoses if d.kind == "not_a_number"]
    for epoch in train.epochs:
        figures = (epoch.train_loss, epoch.train_acc, epoch.learning_rate, *_values(epoch))
        if not all(map(math.isfinite, figures)):
            problems.append(f"epoch {epoch.epoch}: a figure is not a number")
        needed = [n for n in dict.fromkeys((train.monitor, "val_loss")) if n in epoch.metrics]
        undefined = [name for name in needed if epoch.metrics[name] is None]
        if undefined:
            problems.append(f"epoch {epoch.epoch}: {', '.join(undefined)} undefined")
    if train.epochs and not any(train.monitor in epoch.metrics for epoch in train.epochs):
        problems.append(f"{train.monitor}, which chose the best epoch, is nowhere recorded")
    return problems


def _values(epoch: Epoch) -> list[float]:
    return [value for value in epoch.metrics.values() if value is not None]


def best_checkpoint(case: Case) -> Finding:
    """The best checkpoint is on disk, was loaded, and evaluates to what was recorded."""
    train = trained(case.facts)
    checkpoint = chosen_checkpoint(train)
    if checkpoint is None:
        return Finding("FAIL", "no best checkpoint is recorded")
    problems = _file_problems(checkpoint, case.evidence)
    if case.facts.evaluate is None:
        raise NotChecked("the evaluate step has not run, so the checkpoint was not loaded")
    result = case.facts.evaluate
    if result.checkpoint_sha256 != checkpoint.sha256:
        problems.append("the evaluation loaded other weights than this checkpoint")
    if result.recorded_value is None or train.best_value is None:
        if train.trained_elsewhere and not problems:
            return skipped(f"{ELSEWHERE}: no validation figure of the training to compare with")
        return conclude([*problems, f"no {train.monitor} is recorded for it"], "")
    if result.reevaluated_value is None:
        raise NotChecked(f"{train.monitor} was not evaluated anew")
    problems += [] if train.trained_elsewhere else _not_the_best(train, case.facts)
    recorded, anew = result.recorded_value, result.reevaluated_value
    bound = bound_of(case.facts.config, case.item) or 0.0
    if abs(train.best_value - recorded) > bound * max(1.0, abs(recorded)):
        problems.append(f"training recorded {train.best_value:.6g}, its checkpoint {recorded:.6g}")
    if abs(recorded - anew) > bound * max(1.0, abs(recorded)):
        problems.append(f"recorded {recorded:.6g}, evaluated anew {anew:.6g}")
    return conclude(
        problems,
        f"epoch {checkpoint.epoch}: {train.monitor} {recorded:.6g} as recorded",
        measured=f"{train.monitor} {recorded:.6g} recorded, {anew:.6g} evaluated anew",
        bound=f"difference at most {bound:g}",
    )


def _not_the_best(train: TrainRecord, facts: Facts) -> list[str]:
    """Whether another epoch has a better figure than the one that was kept."""
    figures = {e.epoch: e.metrics.get(train.monitor) for e in train.epochs}
    best = figures.get(train.best_epoch)
    if best is None or train.best_value is None:
        return [f"epoch {train.best_epoch}, said to be the best, has no {train.monitor}"]
    if abs(best - train.best_value) > 1e-6 * max(1.0, abs(best)):
        return [f"epoch {train.best_epoch} has {best:.6g}, the record says {train.best_value:.6g}"]
    sign = -1.0 if base_name(train.monitor) in LOWER_IS_BETTER else 1.0
    slack = facts.config.early_stopping.min_delta + 1e-9
    better = [n for n, v in figures.items() if v is not None and sign * (v - best) > slack]
    return [f"epoch {better[0]} is better than the best one, {train.best_epoch}"] if better else []


def _file_problems(checkpoint: Checkpoint, evidence: Evidence) -> list[str]:
    found = evidence.digest("train", checkpoint.path)
    if found is None:
        return [f"{checkpoint.path} is not among the files of the training"]
    if found != checkpoint.sha256:
        return [f"{checkpoint.path} is not the file that was recorded"]
    return []


def last_checkpoint(case: Case) -> Finding:
    """The last checkpoint is on disk, of the last epoch, and was shown to resume exactly."""
    train = trained(case.facts)
    if train.trained_elsewhere:
        return skipped(ELSEWHERE)
    found = [c for c in train.checkpoints if c.role == "last"]
    if not found:
        return Finding("FAIL", "no last checkpoint is recorded")
    checkpoint = found[0]
    problems = _file_problems(checkpoint, case.evidence)
    last = train.epochs[-1].epoch if train.epochs else 0
    if checkpoint.epoch != last:
        problems.append(f"it is of epoch {checkpoint.epoch}, the last epoch is {last}")
    if train.last_resumable is None:
        raise NotChecked("the training did not try to load its last checkpoint")
    if not train.last_resumable:
        problems.append("loaded anew it does not give the same state")
    return conclude(
        problems,
        f"epoch {checkpoint.epoch}: loaded anew it gives the same state",
        measured=f"epoch {checkpoint.epoch} of {last}",
    )


def training_healthy(case: Case) -> Finding:
    """The training loss fell by the bound at least, and no critical diagnosis is open."""
    train = trained(case.facts)
    if train.trained_elsewhere:
        return skipped(ELSEWHERE)
    if not train.epochs:
        raise NotChecked("no epoch is recorded")
    first, final = train.epochs[0].train_loss, train.epochs[-1].train_loss
    least = bound_of(case.facts.config, case.item) or 0.0
    problems = [f"epoch {d.epoch}: {d.message}" for d in train.diagnoses if d.critical]
    if len(train.epochs) < 2:
        problems.append("one epoch cannot show that the loss fell")
    elif not keeps(first - final, "at least", least * abs(first)):
        problems.append(f"the loss did not fall enough: {first:.4g} to {final:.4g}")
    minor = [f"epoch {d.epoch}: {d.message}" for d in train.diagnoses if not d.critical]
    proved = "the loss fell and no critical diagnosis is open"
    return conclude(
        problems,
        f"{proved}; noticed: {some(minor)}" if minor else proved,
        measured=f"training loss {first:.4g} to {final:.4g}",
        bound=f"a fall of {100 * least:g} % at least",
    )
