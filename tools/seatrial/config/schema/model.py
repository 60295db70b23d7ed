"""What is trained: model, loss, optimiser, schedule."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from seatrial.config.schema.fields import Count, Fraction, NonNegative, Positive, Section, Share


def canonical_architecture(name: object) -> object:
    """``ResNet18`` and ``resnet18`` are one name, so are ``ConvNeXt-Tiny`` and ``convnext_tiny``;
    ``module:function`` is kept."""
    if isinstance(name, str) and ":" not in name:
        return re.sub(r"[-\s]", "_", name.strip()).lower()
    return name


def is_own(architecture: str) -> bool:
    """Whether a name means a ``module:function`` of the project's own."""
    return ":" in architecture and not architecture.startswith("timm:")


class Model(Section):
    """The network."""

    architecture: Annotated[str, BeforeValidator(canonical_architecture)] = Field(
        description="a torchvision or timm classifier, simple_cifar_net, or module:function"
    )
    pretrained: bool = Field(
        default=False, description="begin from published weights: from the cache, else downloaded"
    )
    dropout: Share | None = Field(
        default=None, description="before the classifier; null keeps the architecture's own"
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="further keyword arguments of the architecture"
    )


class Loss(Section):
    """What training minimises."""

    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Share = Field(
        default=0.0, description="share of each target spread over all classes; raises the ECE"
    )
    class_weights: Literal["balanced"] | tuple[Positive, ...] | None = Field(
        default=None, description="balanced, or one weight a class in the order of the classes"
    )


class Optimizer(Section):
    """How weights are updated."""

    type: Literal["adam", "adamw", "sgd", "rmsprop"] = "adamw"
    learning_rate: Positive = Field(default=1e-3, description="the highest the schedule gives")
    weight_decay: NonNegative = Field(
        default=1e-2, description="not applied to biases and normalisation layers"
    )
    momentum: Share = Field(default=0.9, description="read by sgd and rmsprop")
    nesterov: bool = Field(default=False, description="read by sgd; needs momentum above 0")
    betas: tuple[Fraction, Fraction] = Field(
        default=(0.9, 0.999), description="read by adam and adamw"
    )

    @field_validator("type", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value


class Scheduler(Section):
    """The learning rate over time."""

    type: Literal["constant", "cosine", "step", "plateau", "one_cycle"] = "cosine"
    warmup_epochs: NonNegative = Field(
        default=0.0,
        description="linear rise at the start, fewer than training.epochs; one_cycle: the length "
        "of its rise, 0 for three tenths of the run",
    )
    min_learning_rate: NonNegative = Field(default=0.0, description="no fall goes below it")
    step_epochs: Count = Field(default=30, description="step: epochs between two falls")
    gamma: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1, description="step and plateau: the factor of a fall"
    )
    patience: Count = Field(
        default=5, description="plateau: validations without a lower loss that it bears"
    )

    @field_validator("type", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value
