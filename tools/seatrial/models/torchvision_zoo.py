"""Every classifier of torchvision, by its name there, and those under timm's names for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torchvision import models as zoo
from torchvision.models.vision_transformer import interpolate_embeddings

from seatrial.errors import ConfigurationError, InputError
from seatrial.models.interface import Architecture, Request
from seatrial.models.reasons import reason

TIMM_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "vit_base_patch16_224": "vit_b_16",
        "vit_base_patch32_224": "vit_b_32",
        "vit_large_patch16_224": "vit_l_16",
        "vit_large_patch32_224": "vit_l_32",
    }
)
"""The same networks, so that timm stays optional; ``timm:vit_base_patch16_224`` is timm's own."""

# torchvision's figure counts the auxiliary head, which only helps training and is left out here.
_WITHOUT_AUXILIARY_HEAD = {"inception_v3": 23_834_568}
_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")


@cache
def architectures() -> Mapping[str, Architecture]:
    """The zoo's table, by name."""
    rows = [_architecture(name, name) for name in zoo.list_models(module=zoo)]
    rows += [_architecture(alias, name) for alias, name in TIMM_NAMES.items()]
    return MappingProxyType({row.name: row for row in rows})


def _architecture(name: str, original: str) -> Architecture:
    meta = zoo.get_model_weights(original).DEFAULT.meta
    accuracy = meta["_metrics"]["ImageNet-1K"]["acc@1"]
    count = _WITHOUT_AUXILIARY_HEAD.get(original, meta["num_params"])
    return Architecture(
        name=name,
        description=f"torchvision {original}: {count / 1e6:.1f} M parameters, {accuracy:.1f} % "
        "on ImageNet with its weights",
        make=partial(_make, original),
        parameters=count,
    )


# ---------------------------------------------------------------- what a family wants besides


def _vision_transformer(name: str, request: Request) -> dict[str, Any]:
    height, width = request.image_size
    patch = int(name.rsplit("_", 1)[1])
    if height != width or height % patch:
        raise ConfigurationError(
            f"data.image_size: {name} needs a square whose side is a multiple of {patch}; "
            f"found {height}x{width}"
        )
    return {"image_size": height}


def _maxvit(name: str, request: Request) -> dict[str, Any]:
    del name
    return {"input_size": request.image_size}


def _inception(name: str, request: Request) -> dict[str, Any]:
    del name, request
    return {"aux_logits": False, "init_weights": True}


_FAMILIES: Mapping[str, Callable[[str, Request], dict[str, Any]]] = MappingProxyType(
    {
        "vit_": _vision_transformer,
        "maxvit": _maxvit,
        "inception": _inception,
        "googlenet": _inception,
    }
)
_RESNETS = ("resnet", "resnext", "wide_resnet")


def _make(name: str, request: Request) -> nn.Module:
    arguments = dict(request.arguments)
    small_stem = arguments.pop("small_stem", False) if name.startswith(_RESNETS) else False
    for prefix, extra in _FAMILIES.items():
        if name.startswith(prefix):
            arguments = extra(name, request) | arguments
    try:
        model: nn.Module = zoo.get_model(
            name, weights=None, num_classes=request.num_classes, **arguments
        )
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"model: torchvision cannot build {name}: {reason(error)}"
        ) from error
    if small_stem:
        _shrink_stem(model, request)
    if request.pretrained:
        _load_pretrained(model, name, request)
    if request.channels == 1:
        _take_grey(model)
    return model


def _shrink_stem(model: nn.Module, request: Request) -> None:
    """He et al. 2016, section 4.2: on tiny images one 3×3 convolution, and no pooling."""
    if request.pretrained:
        raise ConfigurationError(
            "model.arguments.small_stem: true does not go with model.pretrained: true; the "
            "weights are those of the large stem"
        )
    model.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
    nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    model.maxpool = nn.Identity()


def _take_grey(model: nn.Module) -> None:
    """Sum the first convolution's weights over its input channels: a grey image gives then what
    the same image in colour, with three equal channels, gave."""
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    first.in_channels = 1
    first.weight = nn.Parameter(first.weight.detach().sum(1, keepdim=True))


# ---------------------------------------------------------------- pretrained weights


def _load_pretrained(model: nn.Module, name: str, request: Request) -> None:
    state = _published_state(name)
    for key in [key for key in state if key.startswith(_AUXILIARY)]:
        del state[key]
    if name.startswith("densenet"):
        _rename_densenet(state)
    if isinstance(model, zoo.VisionTransformer):
        state = _with_embeddings_for(model, state)
    if isinstance(model, zoo.Inception3 | zoo.GoogLeNet) and request.channels == 3:
        model.transform_input = True  # their weights expect [-1, 1], not ImageNet's statistics
    own = model.state_dict()
    head = [
        key
        for key, value in own.items()
        if key in state
        and value.shape != state[key].shape
        and value.shape[0] == request.num_classes
        and state[key].shape[0] == 1000
    ]
    for key in head:
        del state[key]
    try:
        outcome = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise ConfigurationError(
            f"model.pretrained: the weights of {name} do not fit it with model.arguments "
            f"{dict(request.arguments)}: {reason(error)}"
        ) from None
    if set(outcome.missing_keys) != set(head) or outcome.unexpected_keys:
        odd = sorted({*outcome.missing_keys, *outcome.unexpected_keys} - set(head))
        raise ConfigurationError(
            f"model.pretrained: the weights of {name} do not fit it with model.arguments "
            f"{dict(request.arguments)}: {len(odd)} keys differ, such as {odd[0]}"
        )


def _published_state(name: str) -> dict[str, torch.Tensor]:
    weights = zoo.get_model_weights(name).DEFAULT
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        with redirect_stdout(sys.stderr):  # torch says there what it downloads
            state: dict[str, torch.Tensor] = weights.get_state_dict(
                progress=False, check_hash=True, weights_only=True, map_location="cpu"
            )
    except Exception as error:  # the network, the disk and the file format each raise their own
        raise InputError(
            f"model.pretrained: the weights of {name} were not loaded: download {weights.url} "
            f"to {folder}/, or set model.pretrained: false ({reason(error)})"
        ) from None
    return state


def _rename_densenet(state: dict[str, torch.Tensor]) -> None:
    """The published files were made when ``norm1`` was called ``norm.1``, and so on."""
    for key in list(state):
        parts = key.split(".")
        if "denselayer" in key and len(parts) > 2 and parts[-2].isdigit():
            renamed = ".".join([*parts[:-3], parts[-3] + parts[-2], parts[-1]])
            state[renamed] = state.pop(key)


def _with_embeddings_for(
    model: zoo.VisionTransformer, state: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Position embeddings resampled to the image size the model is made for."""
    return dict(interpolate_embeddings(model.image_size, model.patch_size, state))
