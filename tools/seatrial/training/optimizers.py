"""Optimisers by name, without weight decay on biases and normalisation layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from seatrial.errors import ConfigurationError

Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class Settings:
    """What an optimiser may read; each takes the fields that its method knows."""

    learning_rate: float
    weight_decay: float
    momentum: float
    nesterov: bool
    betas: tuple[float, float]
    fused: bool


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimiser: what it is, how to make it, and whether torch has a fused form of it."""

    name: str
    description: str
    make: Callable[[Groups, Settings], torch.optim.Optimizer]
    fusable: bool


def _adam(groups: Groups, settings: Settings) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, **_adaptive(settings))


def _adamw(groups: Groups, settings: Settings) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, **_adaptive(settings))


def _adaptive(settings: Settings) -> dict[str, Any]:
    return {"lr": settings.learning_rate, "betas": settings.betas, "fused": settings.fused}


def _sgd(groups: Groups, settings: Settings) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        groups,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        fused=settings.fused,
    )


def _rmsprop(groups: Groups, settings: Settings) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(groups, lr=settings.learning_rate, momentum=settings.momentum)


OPTIMIZERS: Mapping[str, OptimizerSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            OptimizerSpec("adam", "Adam; weight decay joins the gradient", _adam, True),
            OptimizerSpec("adamw", "Adam with weight decay apart from the gradient", _adamw, True),
            OptimizerSpec("sgd", "gradient descent with momentum", _sgd, True),
            OptimizerSpec("rmsprop", "RMSprop with momentum, smoothing 0.99", _rmsprop, False),
        )
    }
)


def can_fuse(type: str) -> bool:
    """Whether ``training.fused_optimizer`` can be on for this optimiser."""
    return _spec(type).fusable


def build(
    model: nn.Module,
    type: str,
    *,
    learning_rate: float,
    weight_decay: float,
    momentum: float = 0.9,
    nesterov: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
    fused: bool = False,
) -> torch.optim.Optimizer:
    """An optimiser over the model's trainable parameters.

    ``betas`` is read by Adam and AdamW, ``momentum`` by SGD and RMSprop, ``nesterov`` by SGD.
    ``fused`` updates all parameters in one kernel, on a CPU as on a GPU.

    :raises ConfigurationError: an unknown type, a fused form where there is none, Nesterov
        without momentum, or a model with nothing to train.
    """
    spec = _spec(type)
    if fused and not spec.fusable:
        raise ConfigurationError(
            f"training.fused_optimizer: true, but {type} has no fused form; set it to false or auto"
        )
    if nesterov and type == "sgd" and momentum == 0:
        raise ConfigurationError(
            "optimizer.nesterov: true requires optimizer.momentum above 0; found 0"
        )
    groups = parameter_groups(model, weight_decay)
    if not groups:
        raise ConfigurationError("model: no parameter requires a gradient; nothing can be trained")
    return spec.make(
        groups, Settings(learning_rate, weight_decay, momentum, nesterov, betas, fused)
    )


def parameter_groups(model: nn.Module, weight_decay: float) -> Groups:
    """The trainable parameters as at most two groups, in the model's own order.

    Parameters of at most one dimension (biases, scales and shifts of normalisation layers) get
    no weight decay: pulling them to zero does not regularise (He et al. 2019, "Bag of Tricks",
    section 3.1).
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = (
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    )
    return [group for group in groups if group["params"]]


def _spec(type: str) -> OptimizerSpec:
    if type not in OPTIMIZERS:
        raise ConfigurationError(
            f"optimizer.type: one of {', '.join(OPTIMIZERS)} required; found {type!r}"
        )
    return OPTIMIZERS[type]
