"""From a name to a model: finds the architecture, builds it, and checks what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from seatrial.errors import ConfigurationError
from seatrial.models import timm_zoo, torchvision_zoo, user_models
from seatrial.models.classifier import locate, set_dropout
from seatrial.models.interface import Architecture, Request
from seatrial.models.reasons import reason
from seatrial.models.simple_cifar_net import SimpleCifarNet


def build(
    architecture: str,
    num_classes: int,
    *,
    channels: int = 3,
    image_size: tuple[int, int] = (224, 224),
    dropout: float | None = None,
    pretrained: bool = False,
    arguments: Mapping[str, Any] = MappingProxyType({}),
    project: Path | None = None,
) -> nn.Module:
    """A classifier in fp32 and in training mode: ``(N, channels, H, W)`` → logits ``(N, K)``.

    ``image_size`` is height and width in pixels. ``dropout`` in [0, 1) is the share dropped
    before the classifier; None keeps the architecture's own. ``arguments`` go to the
    architecture. ``project`` is the folder in which a ``module:function`` is looked for. One blank
    image is run through the model, so that what cannot work is refused here. Every network of
    torchvision takes a batch of 0; one with batch normalisation cannot train on a single image
    where its feature maps shrink to 1×1, since one value has no variance.

    :raises ConfigurationError: an unknown architecture, fewer than two classes, or a combination
        that the architecture does not take.
    :raises InputError: pretrained weights that are not here and could not be downloaded.
    """
    if num_classes < 2:
        raise ConfigurationError(f"num_classes: at least 2 required; found {num_classes}")
    if channels not in (1, 3):
        raise ConfigurationError(f"data.channels: 1 or 3 required; found {channels}")
    request = Request(num_classes, channels, image_size, pretrained, arguments)
    model = find(architecture, project).make(request)
    model = model.float().train()
    classifier = _checked(model, architecture, request)
    if dropout is not None:
        set_dropout(model, classifier, dropout)
    return model


def known_architectures() -> dict[str, str]:
    """Name and description of every architecture that needs no extra package."""
    return {row.name: row.description for row in _table().values()}


def find(name: str, project: Path | None = None) -> Architecture:
    """The architecture called ``name``: ours, torchvision's, else timm's; ``timm:name`` is
    timm's in any case, and another ``module:function`` the project's own.

    :raises ConfigurationError: there is none; the message has the nearest names.
    """
    if name.startswith(timm_zoo.PREFIX):
        return _from_timm(name)
    if ":" in name:
        return user_models.architecture(name, project)
    found = _table().get(name) or timm_zoo.architecture(name)
    if found is None:
        raise _unknown(name, list(dict.fromkeys([*_table(), *timm_zoo.names()])))
    return found


def _from_timm(name: str) -> Architecture:
    if not timm_zoo.installed():
        raise ConfigurationError(
            f"model.architecture: {name} needs timm, which is not installed; "
            "pip install 'seatrial[timm]'"
        )
    bare = name.removeprefix(timm_zoo.PREFIX)
    found = timm_zoo.architecture(bare)
    if found is None:
        raise _unknown(name, [timm_zoo.PREFIX + known for known in timm_zoo.names()])
    return found


def _unknown(name: str, known: list[str]) -> ConfigurationError:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"the nearest are {', '.join(near)}" if near else "nothing there is near it"
    more = "" if timm_zoo.installed() else "; pip install 'seatrial[timm]' adds timm's"
    return ConfigurationError(
        f"model.architecture: a known name required; found {name!r}; {hint}{more}"
    )


@cache
def _table() -> Mapping[str, Architecture]:
    ours = Architecture(
        "simple_cifar_net",
        "small network for images of 8 to 64 pixels: 0.1 M parameters",
        lambda request: _simple_cifar_net(request),
        parameters=268_744,
    )
    return MappingProxyType({ours.name: ours, **torchvision_zoo.architectures()})


def _simple_cifar_net(request: Request) -> nn.Module:
    if request.pretrained:
        raise ConfigurationError(
            "model.pretrained: simple_cifar_net has no published weights; set it to false"
        )
    try:
        return SimpleCifarNet(request.num_classes, request.channels, **request.arguments)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"model.arguments: simple_cifar_net: {reason(error)}") from error


def _checked(model: nn.Module, name: str, request: Request) -> str:
    """Run one blank image; the classifier's dotted name."""
    parameter = next(model.parameters(), None)
    if parameter is None:
        raise ConfigurationError(f"model.architecture: {name} has no parameter to train")
    blank = parameter.new_zeros(1, request.channels, *request.image_size)
    try:
        return locate(model, blank, request.num_classes)
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError) as error:
        height, width = request.image_size
        raise ConfigurationError(
            f"model.architecture: {name} does not take images of {request.channels} channel(s) "
            f"and {height}x{width} pixels; change data.image_size or the architecture "
            f"({reason(error)})"
        ) from error
