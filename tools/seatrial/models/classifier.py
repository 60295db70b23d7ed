"""A model's classifier, the last linear layer: where it is, what goes in, dropout before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seatrial.errors import ConfigurationError

_Layer = nn.Linear | nn.Conv2d


@dataclass
class _Seen:
    """The last linear layer that ran, or the last convolution where none did."""

    layer: _Layer | None = None
    input: Tensor | None = None


def features(model: nn.Module, images: Tensor) -> Tensor:
    """The penultimate layer's output ``(N, F)`` for ``images`` ``(N, C, H, W)``.

    It is what goes into the last linear layer that runs (averaged over places or tokens where
    that layer sees several), or into the last convolution of a network without linear layers.
    The mode and the gradients are the caller's: ``model.eval()`` and ``torch.no_grad()`` first,
    for features to keep. The model may be compiled; it runs uncompiled here.

    :raises ConfigurationError: the model has no such layer.
    """
    with _watching(getattr(model, "_orig_mod", model)) as (inner, seen):
        inner(images)
    if seen.layer is None or seen.input is None:
        raise ConfigurationError(
            f"{type(inner).__name__}: features need a Linear or Conv2d layer; none ran"
        )
    return _pooled(seen.layer, seen.input)


def locate(model: nn.Module, images: Tensor, num_classes: int) -> str:
    """The dotted name of the classifier; ``""`` is the model itself.

    ``images`` ``(N, C, H, W)`` are run once, in evaluation mode and without gradients.

    :raises ConfigurationError: the output is not ``(N, num_classes)``, or no layer makes it.
    """
    training = model.training
    try:
        with torch.no_grad(), _watching(model.eval()) as (_, seen):
            output = model(images)
    finally:
        model.train(training)
    expected = (len(images), num_classes)
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if found != expected:
        raise ConfigurationError(
            f"model.architecture: {type(model).__name__} must give logits of shape {expected} "
            f"for {len(images)} image(s) and {num_classes} classes; found {found}"
        )
    if seen.layer is not None and _width(seen.layer) == num_classes:
        names: dict[int, str] = {id(layer): name for name, layer in model.named_modules()}
        return names[id(seen.layer)]
    raise ConfigurationError(
        f"model.architecture: {type(model).__name__} has no Linear or Conv2d layer that gives "
        f"the {num_classes} logits; end the network with one"
    )


def set_dropout(model: nn.Module, classifier: str, probability: float) -> None:
    """Drop what goes into the classifier with ``probability``, while training.

    The architecture's own dropout beside the classifier is set where it has one; else the linear
    layer drops its input itself. Names in the state dict stay as they were.

    :raises ConfigurationError: the classifier is no linear layer and has no dropout beside it.
    """
    parent_name, _, leaf = classifier.rpartition(".")
    parent = model.get_submodule(parent_name)
    beside = (
        parent.children()
        if isinstance(parent, nn.Sequential)
        else [child for name, child in parent.named_children() if name == "dropout"]
    )
    own = [layer for layer in beside if isinstance(layer, nn.Dropout)]
    for layer in own:
        layer.p = probability
    if own or probability == 0:
        return
    linear = model.get_submodule(classifier)
    if type(linear) is not nn.Linear or not leaf:
        raise ConfigurationError(
            f"model.dropout: needs a Linear layer as classifier; {type(model).__name__} ends in "
            f"{type(linear).__name__}; leave it out, or put dropout into the network"
        )
    setattr(parent, leaf, LinearWithDropout(linear, probability))


class LinearWithDropout(nn.Linear):
    """A linear layer that drops values of its input while training; takes over ``linear``'s
    parameters, so they keep their names and identity."""

    def __init__(self, linear: nn.Linear, probability: float) -> None:
        super().__init__(linear.in_features, linear.out_features, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        self.probability = probability

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.dropout(input, self.probability, self.training))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dropout={self.probability}"


def _width(layer: _Layer) -> int:
    return layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features


@contextmanager
def _watching(model: nn.Module) -> Iterator[tuple[nn.Module, _Seen]]:
    """Record the last layer that could be a classifier, as ``model`` runs."""
    seen = _Seen()

    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        del output
        if isinstance(layer, nn.Linear) or not isinstance(seen.layer, nn.Linear):
            seen.layer, seen.input = layer, inputs[0]  # type: ignore[assignment]

    layers = [layer for layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield model, seen
    finally:
        for hook in hooks:
            hook.remove()


def _pooled(layer: _Layer, values: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return values.flatten(2).mean(2)
    return values.flatten(1, -2).mean(1) if values.ndim > 2 else values
