"""The train step: what was trained and how it went."""

from __future__ import annotations

from typing import Literal

from seatrial.evidence.records.base import Record


class Epoch(Record):
    """One epoch's figures. ``metrics`` are validation metrics by name (``val_loss`` …)."""

    epoch: int
    learning_rate: float
    train_loss: float
    train_acc: float
    metrics: dict[str, float | None]
    seconds: float
    images_per_second: float


class Diagnosis(Record):
    """Something noticed during training. ``critical`` ones keep a model from release."""

    kind: Literal["not_a_number", "divergence", "stalled", "overfitting", "not_learning"]
    critical: bool
    epoch: int
    message: str


class Checkpoint(Record):
    """A checkpoint on disk."""

    role: Literal["best", "last", "epoch", "given"]
    path: str
    epoch: int
    sha256: str


class TrainRecord(Record):
    """The final training, or the checkpoint that was given instead."""

    trained_elsewhere: bool
    architecture: str
    parameters: int
    epochs_planned: int
    epochs: tuple[Epoch, ...]
    stopped: Literal["early_stopping", "last_epoch", "trained_elsewhere"]
    monitor: str
    """The validation metric that chose the best epoch, such as ``val_acc``."""
    best_epoch: int
    best_value: float | None
    checkpoints: tuple[Checkpoint, ...]
    last_resumable: bool | None
    """The last checkpoint was loaded anew and gave the same model, optimiser, schedule and
    random states. None where the model was trained elsewhere."""
    diagnoses: tuple[Diagnosis, ...]
    resumed_at_epochs: tuple[int, ...]
    seed: int
    deterministic: bool
    device: str
    precision: str
    threads: int
    processes: int
    batch_norm: Literal["one_process", "shared", "per_rank"] = "one_process"
    """Whose batch-norm statistics: with several processes of all of them, or of each alone."""
    batch_size: int
    images_per_second: float | None
    seconds: float
    plots: tuple[str, ...] = ()
