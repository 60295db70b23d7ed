"""How it is trained: epochs, stopping, checkpoints, validation, seeds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from seatrial.config.metric_names import METRICS
from seatrial.config.schema.fields import Count, Natural, NonNegative, Positive, Section


class Training(Section):
    """The training loop. Every ``auto`` is replaced by a choice once, when training begins, and
    written into the resolved configuration."""

    epochs: Count = Field(default=100, description="at most; early stopping may end it sooner")
    batch_size: Count = Field(
        default=64, description="images a batch over all processes, in evaluation too"
    )
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = Field(
        default="auto", description="auto, cpu, mps, cuda, or cuda:N"
    )
    devices: Count = Field(default=1, description="processes on this machine")
    precision: Literal["fp32", "bf16", "fp16", "fp64"] = Field(
        default="fp32", description="of the arithmetic; fp16 needs a CUDA device"
    )
    gradient_clip_norm: Positive | None = Field(
        default=None, description="largest norm of a step's gradient; null: as it comes"
    )
    accumulate_batches: Count = Field(default=1, description="batches whose gradients make a step")
    channels_last: bool | Literal["auto"] = Field(
        default="auto", description="memory format; auto: where it is measured to be faster"
    )
    fused_optimizer: bool | Literal["auto"] = Field(
        default="auto", description="auto: where the optimiser has a fused form"
    )
    compile: bool | Literal["auto"] = Field(
        default="auto",
        description="torch.compile; auto: where it is measured to be faster and half an hour or "
        "more of training is ahead",
    )
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="of an average of the weights, which is then validated and released",
    )
    batch_norm: Literal["shared", "per_rank"] = Field(
        default="shared", description="batch-norm statistics of several processes"
    )
    workers: Natural = Field(
        default=0, description="threads that prepare batches ahead; the weights are the same"
    )
    threads: Count | None = Field(default=None, description="null: the cores this process may use")


class EarlyStopping(Section):
    """When training ends before its last epoch, and which epoch is the best."""

    enabled: bool = True
    patience: Count = Field(default=10, description="epochs without a better value")
    min_delta: NonNegative = Field(
        default=0.0, description="a value is better only by more than this"
    )
    metric: str = Field(
        default="val_loss", description="chooses the best checkpoint, with enabled: false too"
    )


class Checkpointing(Section):
    """Which checkpoints are kept."""

    save_best: bool = Field(default=True, description="a release needs it")
    save_last: bool = Field(default=True, description="a release needs it")
    checkpoint_every_n_epochs: Count | None = Field(
        default=None, description="keep epoch_N.pt of every n-th epoch"
    )
    save_top_k: Natural = Field(default=0, description="keep epoch_N.pt of the k best epochs")
    output_dir: str = Field(
        default="checkpoints/production", description="where they are published, in the project"
    )


def _known_metrics(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    known = [f"{prefix}_{name}" for name in METRICS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return names


class Validation(Section):
    """What is measured on validation images while training."""

    validate_every_n_epochs: Count = Field(default=1, description="and after the last one")
    metrics: tuple[str, ...] = Field(
        default=("val_loss", "val_acc", "val_f1"), description="metric names with val_"
    )

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_metrics("val", names)


class TestSet(Section):
    """The held-out test set. A release needs both switches on."""

    __test__ = False  # not a pytest class

    enabled: bool = True
    evaluate_at_end: bool = True
    metrics: tuple[str, ...] = Field(
        default=tuple(f"test_{name}" for name in METRICS), description="metric names with test_"
    )

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_metrics("test", names)


class Reproducibility(Section):
    """What makes two runs the same."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0, description="of splits, weights, order, augmentation and the bootstrap"
    )
    deterministic: bool = Field(
        default=True, description="only algorithms that give the same bits every time"
    )
