"""What an architecture is to Seatrial, and what one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Request:
    """A model to make: ``image_size`` is height and width in pixels."""

    num_classes: int
    channels: int
    image_size: tuple[int, int]
    pretrained: bool
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Architecture:
    """A row of the zoo. ``make`` gives a model with weights in fp32; it raises
    :class:`ConfigurationError` for what cannot be and :class:`InputError` for absent weights.
    """

    name: str
    description: str
    make: Callable[[Request], nn.Module]
    parameters: int | None = None
    """The published number of parameters at 1000 classes and 3 channels, where there is one."""
