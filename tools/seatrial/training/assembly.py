"""From a configuration to the objects that train: the only place below the entry that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning_fabric.plugins import Precision
from torch import nn

from seatrial import losses, models
from seatrial.config.schema import Config
from seatrial.config.schema import EarlyStopping as EarlyStoppingSection
from seatrial.config.schema import Loss as LossSection
from seatrial.data import Dataset
from seatrial.errors import ConfigurationError
from seatrial.evidence.records import Preprocessing
from seatrial.files import digest_of
from seatrial.training import optimizers, schedules
from seatrial.training.averaging import ExponentialAverage
from seatrial.training.batch_norm import share_statistics
from seatrial.training.early_stopping import EarlyStopping
from seatrial.training.health import HealthMonitor
from seatrial.training.order import count_training_batches, seed_everything
from seatrial.training.state import Identity, Learner
from seatrial.training.validation import SummedLoss, Validation

_ALWAYS_VALIDATED = ("val_loss", "val_acc")


def input_shape(spec: Preprocessing) -> tuple[int, int, int]:
    """(channels, height, width)."""
    return spec.channels, spec.height, spec.width


def build_model(
    config: Config,
    num_classes: int,
    shape: tuple[int, int, int],
    project: Path,
    *,
    pretrained: bool = False,
) -> nn.Module:
    """The configured architecture; ``shape`` is (channels, height, width)."""
    model: nn.Module = models.build(
        config.model.architecture,
        num_classes,
        channels=shape[0],
        image_size=shape[1:],
        dropout=config.model.dropout,
        pretrained=pretrained,
        arguments=dict(config.model.arguments),
        project=project,
    )
    return model


def weight_type(precision: str) -> torch.dtype:
    """What weights are kept in: float32, also in mixed precision, or float64."""
    return torch.float64 if precision == "fp64" else torch.float32


def compiled(model: nn.Module) -> nn.Module:
    """The model's forward and backward as compiled code; its parameters are the same objects."""
    module: nn.Module = torch.compile(model)  # type: ignore[assignment]
    return module


def class_weights(section: LossSection, counts: Sequence[int]) -> tuple[float, ...] | None:
    """One weight a class, or None; ``balanced`` is :func:`seatrial.losses.balanced_weights`.

    :raises ConfigurationError: not one weight a class.
    """
    if section.class_weights == "balanced":
        return losses.balanced_weights(counts)
    if section.class_weights is not None and len(section.class_weights) != len(counts):
        raise ConfigurationError(
            f"loss.class_weights: {len(counts)} weights required, one a class; "
            f"found {len(section.class_weights)}"
        )
    return section.class_weights


def training_counts(dataset: Dataset) -> list[int]:
    """Training images of each class, in the order of the classes."""
    labels = dataset.labels(dataset.split_indices("train"))
    counts: list[int] = np.bincount(labels, minlength=len(dataset.classes)).tolist()
    return counts


def build_criterion(
    section: LossSection, weights: Sequence[float] | None, num_classes: int
) -> SummedLoss:
    """The training loss as a sum over images, not yet divided by Σ w_y."""
    criterion: SummedLoss = losses.build(
        section.type,
        num_classes=num_classes,
        label_smoothing=section.label_smoothing,
        class_weights=weights,
        reduction="sum",
    )
    return criterion


def build_learner(
    config: Config,
    dataset: Dataset,
    project: Path,
    *,
    device: torch.device,
    precision: Precision,
    processes: int,
    pretrained: bool,
) -> Learner:
    """Everything that training changes, new: the weights are a function of the seed."""
    training = config.training
    seed_everything(config.reproducibility.seed)
    shape = input_shape(dataset.spec)
    model = build_model(config, len(dataset.classes), shape, project, pretrained=pretrained)
    if processes > 1 and training.batch_norm == "shared":
        model = share_statistics(model)
    model = model.to(device, weight_type(training.precision))
    if training.channels_last is True:
        model = model.to(memory_format=torch.channels_last)
    section = config.optimizer
    optimizer = optimizers.build(
        model,
        section.type,
        learning_rate=section.learning_rate,
        weight_decay=section.weight_decay,
        momentum=section.momentum,
        nesterov=section.nesterov,
        betas=section.betas,
        fused=training.fused_optimizer is True,
    )
    counts = training_counts(dataset)
    return Learner(
        model=model,
        optimizer=optimizer,
        schedule=_schedule(config, sum(counts)),
        average=ExponentialAverage(model, training.ema_decay) if training.ema_decay else None,
        health=HealthMonitor(
            counts,
            class_weights=class_weights(config.loss, counts),
            label_smoothing=config.loss.label_smoothing,
            warmup_epochs=config.scheduler.warmup_epochs,
        ),
        stopping=_early_stopping(config.early_stopping, len(dataset.classes)),
        precision=precision,
    )


def _early_stopping(section: EarlyStoppingSection, num_classes: int) -> EarlyStopping:
    if section.metric == "val_top5" and num_classes <= 5:
        raise ConfigurationError(
            "early_stopping.metric: a metric that tells epochs apart required; val_top5 is "
            f"undefined for {num_classes} classes; set it to val_loss or val_acc"
        )
    return EarlyStopping(
        section.metric,
        enabled=section.enabled,
        patience=section.patience,
        min_delta=section.min_delta,
    )


def _schedule(config: Config, images: int) -> schedules.Schedule:
    training, section = config.training, config.scheduler
    batches = count_training_batches(images, training.batch_size)
    return schedules.build(
        section.type,
        base_lr=config.optimizer.learning_rate,
        steps_per_epoch=-(-batches // training.accumulate_batches),
        epochs=training.epochs,
        warmup_epochs=section.warmup_epochs,
        min_learning_rate=section.min_learning_rate,
        step_epochs=section.step_epochs,
        gamma=section.gamma,
        patience=section.patience,
    )


def build_validation(
    config: Config, dataset: Dataset, weights: Sequence[float] | None
) -> Validation:
    """What every validation computes: the configured metrics, the monitored one, loss, accuracy."""
    asked = (*_ALWAYS_VALIDATED, *config.validation.metrics, config.early_stopping.metric)
    names = tuple(name for name in dict.fromkeys(asked) if name != "val_confusion_matrix")
    return Validation(
        dataset=dataset,
        indices=dataset.split_indices("val"),
        names=names,
        num_classes=len(dataset.classes),
        batch_size=config.training.batch_size,
        criterion=build_criterion(config.loss, weights, len(dataset.classes)),
        class_weights=weights,
    )


def identity(config: Config, dataset: Dataset) -> Identity:
    """What a checkpoint of this training belongs to."""
    return Identity(
        architecture=config.model.architecture,
        classes=dataset.classes,
        input_shape=input_shape(dataset.spec),
        config_digest=training_digest(config),
        dataset_digest=dataset.digest,
        monitor=config.early_stopping.metric,
    )


def training_digest(config: Config) -> str:
    """SHA-256 of every part of a resolved configuration that weights depend on.

    Not of ``training.workers``: any number of workers gives the same.
    """
    plain = config.model_dump(mode="json")
    parts = (
        "model", "loss", "optimizer", "scheduler", "training", "early_stopping",
        "data_augmentation", "validation", "reproducibility",
    )  # fmt: skip
    relevant = {part: plain[part] for part in parts}
    del relevant["training"]["workers"]
    return digest_of(relevant)
