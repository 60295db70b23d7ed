"""The losses by name. A new one is a function of its own and a line here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from seatrial.errors import ConfigurationError
from seatrial.losses.cross_entropy import Reduction, cross_entropy

Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Logits ``(N, K)`` and labels ``(N,)`` → the loss."""


@dataclass(frozen=True)
class LossSpec:
    """A loss that a configuration may name."""

    name: str
    description: str
    function: Callable[..., torch.Tensor]


LOSSES = {
    spec.name: spec
    for spec in (
        LossSpec(
            "cross_entropy",
            "cross entropy with class weights and label smoothing",
            cross_entropy,
        ),
    )
}


def build(
    name: str,
    *,
    num_classes: int,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    reduction: Reduction = "mean",
) -> Criterion:
    """The loss of that name, ready to be called; weights follow the logits' device and dtype.

    :raises ConfigurationError: an unknown name, or not one weight a class.
    """
    spec = LOSSES.get(name)
    if spec is None:
        near = difflib.get_close_matches(name, LOSSES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(LOSSES)}"
        raise ConfigurationError(f"loss.type: unknown loss {name!r}; {hint}")
    if class_weights is not None and len(class_weights) != num_classes:
        raise ConfigurationError(
            f"loss.class_weights: {num_classes} weights required, one a class; "
            f"found {len(class_weights)}"
        )
    weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float64)

    def criterion(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        weight = None if weights is None else weights.to(logits.device, logits.dtype)
        return spec.function(
            logits, labels, weight=weight, label_smoothing=label_smoothing, reduction=reduction
        )

    return criterion
