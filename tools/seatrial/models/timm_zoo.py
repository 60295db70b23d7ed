"""timm's classifiers. timm is an optional extra, imported when one of its models is asked for."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from functools import partial
from importlib.util import find_spec
from typing import Any

from torch import nn

from seatrial.errors import ConfigurationError, InputError
from seatrial.models.interface import Architecture, Request
from seatrial.models.reasons import reason

PREFIX = "timm:"


def installed() -> bool:
    """Whether timm is there to be imported."""
    return find_spec("timm") is not None


def names() -> list[str]:
    """Every architecture that timm knows; none where it is not installed."""
    if not installed():
        return []
    import timm

    return [str(name) for name in timm.list_models()]


def architecture(name: str) -> Architecture | None:
    """timm's architecture ``name``, which may carry a tag of weights (``resnet50.a1_in1k``)."""
    if name.split(".")[0] not in names():
        return None
    return Architecture(name, f"timm {name}", partial(_make, name))


def _make(name: str, request: Request) -> nn.Module:
    import timm

    arguments: dict[str, Any] = dict(request.arguments)
    published = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if published is not None and published.fixed_input_size:
        arguments = {"img_size": request.image_size} | arguments
    make = partial(
        timm.create_model,
        name,
        num_classes=request.num_classes,
        in_chans=request.channels,
        **arguments,
    )
    if request.pretrained:
        return _pretrained(name, published, make)
    try:
        model: nn.Module = make(pretrained=False)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise ConfigurationError(f"model: timm cannot build {name}: {reason(error)}") from error
    return model


def _pretrained(name: str, published: Any, make: Any) -> nn.Module:
    try:
        with redirect_stdout(sys.stderr):  # downloads are announced there
            model: nn.Module = make(pretrained=True)
    except Exception as error:  # the hub, the network and the disk each raise their own
        source = getattr(published, "hf_hub_id", None) or getattr(published, "url", None) or name
        folder = os.environ.get("HF_HOME", "~/.cache/huggingface")
        raise InputError(
            f"model.pretrained: the weights of timm's {name} were not loaded: download {source} "
            f"to the hub's cache in {folder}, or set model.pretrained: false ({reason(error)})"
        ) from None
    return model
