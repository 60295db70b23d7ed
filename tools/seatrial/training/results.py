"""What a training leaves beside its weights: the record, figures, curves, and lines of the log."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from seatrial import files, plots
from seatrial.config.schema import Config
from seatrial.evidence.records import Checkpoint, TrainRecord
from seatrial.training.checkpoints import BEST, CHECKPOINTS, LAST, Content, epoch_name
from seatrial.training.state import Learner
from seatrial.training.team import Team

METRICS = "metrics.json"
CURVES = "learning_curves.png"
Role = Literal["best", "last", "epoch", "given"]
Stopped = Literal["early_stopping", "last_epoch"]


def record_of(
    config: Config,
    learner: Learner,
    stopped: Stopped,
    output: Path,
    *,
    images: int,
    team: Team,
    resumable: bool,
) -> TrainRecord:
    """What a finished training was; ``images`` are those of the training split."""
    training, history = config.training, learner.history
    assert training.threads is not None
    seconds = sum(images / epoch.images_per_second for epoch in history)
    return TrainRecord(
        trained_elsewhere=False,
        architecture=config.model.architecture,
        parameters=sum(p.numel() for p in learner.model.parameters()),
        epochs_planned=training.epochs,
        epochs=tuple(history),
        stopped=stopped,
        monitor=learner.stopping.metric,
        best_epoch=learner.stopping.best_epoch,
        best_value=learner.stopping.best_value,
        checkpoints=checkpoints_of(learner, output),
        last_resumable=resumable,
        diagnoses=learner.health.diagnoses,
        resumed_at_epochs=tuple(learner.progress.resumed_at),
        seed=config.reproducibility.seed,
        deterministic=config.reproducibility.deterministic,
        device=_device_name(team.device),
        precision=training.precision,
        threads=training.threads,
        processes=team.size,
        batch_norm=training.batch_norm if team.size > 1 else "one_process",
        batch_size=training.batch_size,
        images_per_second=images * len(history) / seconds,
        seconds=learner.progress.seconds,
        plots=(CURVES,),
    )


def write_results(output: Path, record: TrainRecord) -> None:
    """``metrics.json`` and the learning curves."""
    files.write_json(
        output / METRICS,
        {
            "monitor": record.monitor,
            "best_epoch": record.best_epoch,
            "best_value": record.best_value,
            "stopped": record.stopped,
            "epochs": [epoch.model_dump() for epoch in record.epochs],
        },
    )
    plots.learning_curves(
        record.epochs, output / CURVES, monitor=record.monitor, best_epoch=record.best_epoch
    )


def checkpoints_of(learner: Learner, output: Path) -> tuple[Checkpoint, ...]:
    """Every checkpoint in ``output``: best, last, and epochs of their own."""
    names: list[tuple[Role, str, int]] = [
        ("best", BEST, learner.stopping.best_epoch),
        ("last", LAST, len(learner.history)),
    ]
    folder = output / CHECKPOINTS
    own = [e.epoch for e in learner.history if (folder / epoch_name(e.epoch)).exists()]
    names += [("epoch", epoch_name(epoch), epoch) for epoch in own]
    return tuple(
        Checkpoint(
            role=role,
            path=f"{CHECKPOINTS}/{name}",
            epoch=epoch,
            sha256=files.sha256_file(folder / name),
        )
        for role, name, epoch in names
    )


def first_line(config: Config, learner: Learner, team: Team) -> str:
    """What is trained and how, for the log."""
    training = config.training
    parts = [
        f"{config.model.architecture}",
        f"{sum(p.numel() for p in learner.model.parameters()):,} parameters",
        f"device {training.device}",
        f"precision {training.precision}",
        f"{training.threads} threads",
        f"batch {training.batch_size} x {training.accumulate_batches}",
        f"seed {config.reproducibility.seed}",
        "channels last" if training.channels_last else "channels first",
        "fused optimiser" if training.fused_optimizer else "plain optimiser",
        "compiled" if training.compile else "not compiled",
    ]
    if team.size > 1:
        statistics = "shared" if training.batch_norm == "shared" else "each process's own"
        parts.append(f"{team.size} processes, batch-norm statistics {statistics}")
    return ", ".join(parts)


def resumed_line(learner: Learner, content: Content) -> str:
    """Where an interrupted training goes on, for the log."""
    progress, before, now = learner.progress, content["torch_version"], str(torch.__version__)
    other = "" if before == now else f", with torch {now} after {before}: not bit for bit"
    return f"resumed in epoch {progress.epoch} after batch {progress.batch}{other}"


def last_line(learner: Learner, stopped: Stopped) -> str:
    """How it ended, for the log."""
    how = "early stopping" if stopped == "early_stopping" else "the last epoch"
    value = learner.stopping.best_value
    shown = "undefined" if value is None else f"{value:.4f}"
    return (
        f"ended by {how} after epoch {len(learner.history)}; "
        f"best epoch {learner.stopping.best_epoch}, {learner.stopping.metric} {shown}"
    )


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)
