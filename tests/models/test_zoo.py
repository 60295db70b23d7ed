"""The zoo: published parameter counts, batches of 0, 1 and 128, gradients, features."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seatrial import models
from seatrial.config.load import load
from seatrial.models import torchvision_zoo
from seatrial.resources import shipped

CONFIGURATIONS = sorted(path.stem for path in (shipped("configs") / "models").glob("*.yaml"))

# One of each family at the least side it takes, in pixels; cheap enough to run for real.
FAMILIES = {
    "simple_cifar_net": 8,
    "alexnet": 64,
    "convnext_tiny": 32,
    "densenet121": 32,
    "efficientnet_b0": 32,
    "googlenet": 32,
    "inception_v3": 75,
    "mnasnet0_5": 32,
    "mobilenet_v2": 32,
    "mobilenet_v3_small": 32,
    "regnet_y_400mf": 32,
    "resnet18": 32,
    "shufflenet_v2_x0_5": 32,
    "squeezenet1_1": 32,
    "swin_t": 32,
    "swin_v2_t": 32,
    "vgg11_bn": 32,
    "vit_b_32": 32,
}


def _on_meta(name: str, num_classes: int, side: int, **changed: object) -> nn.Module:
    """The model without its numbers: shapes and counts at no cost."""
    with torch.device("meta"):
        return models.build(name, num_classes, image_size=(side, side), **changed)


@pytest.fixture(scope="module", params=FAMILIES)
def built(request: pytest.FixtureRequest) -> tuple[nn.Module, int]:
    name = request.param
    torch.manual_seed(0)
    side = FAMILIES[name]
    return models.build(name, 10, image_size=(side, side)), side


# ---------------------------------------------------------------- counts


def test_there_is_a_configuration_for_each_architecture_promised() -> None:
    assert CONFIGURATIONS == [
        "convnext_tiny",
        "efficientnet_b0",
        "efficientnet_b4",
        "resnet101",
        "resnet50",
        "simple_cifar_net",
        "vit_base_patch16_224",
        "vit_large_patch16_224",
    ]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_each_configuration_builds_its_network_with_the_published_parameter_count(
    name: str,
) -> None:
    config = load(shipped("configs") / "models" / f"{name}.yaml")
    assert config.model.architecture == name
    assert isinstance(config.data.image_size, int)
    model = _on_meta(name, 1000, config.data.image_size, dropout=config.model.dropout)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == PUBLISHED[name]
    assert count == models.find(name).parameters


# torchvision's documentation and the papers' tables; ours is 140,458 at 10 classes and 1 channel.
PUBLISHED = {
    "convnext_tiny": 28_589_128,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b4": 19_341_616,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "simple_cifar_net": 268_744,
    "vit_base_patch16_224": 86_567_656,
    "vit_large_patch16_224": 304_326_632,
}


def test_every_torchvision_classifier_is_known_with_a_description_and_a_count() -> None:
    known = models.known_architectures()
    assert len(known) >= 80
    for name, row in torchvision_zoo.architectures().items():
        assert row.parameters
        assert known[name].startswith("torchvision ")


# ---------------------------------------------------------------- batches, gradients, features


def test_batches_of_0_1_and_128_give_one_row_of_logits_an_image(
    built: tuple[nn.Module, int],
) -> None:
    model, side = built
    model.eval()
    with torch.no_grad():
        for size in (0, 1):
            logits = model(torch.zeros(size, 3, side, side))
            assert logits.shape == (size, 10)
            assert torch.isfinite(logits).all()
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    meta = {name: tensor.to("meta") for name, tensor in tensors.items()}
    images = torch.empty(128, 3, side, side, device="meta")
    assert torch.func.functional_call(model, meta, (images,)).shape == (128, 10)


def test_gradients_reach_every_parameter_and_an_empty_batch_gives_zeros(
    built: tuple[nn.Module, int],
) -> None:
    model, side = built
    model.train()
    for parameter in model.parameters():  # heads that start at zero would hide what lies below
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)
    state = {name: tensor.clone() for name, tensor in model.named_buffers()}
    model.zero_grad()
    images = torch.rand(6, 3, side, side)  # two values normalised are ±1, whatever made them
    (model(images) * torch.randn(6, 10)).sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []
    model.zero_grad()
    model(torch.zeros(0, 3, side, side)).sum().backward()
    assert not any(p.grad is not None and p.grad.any() for p in model.parameters())
    for name, tensor in model.named_buffers():
        tensor.copy_(state[name])


def test_the_classifier_computes_the_logits_from_the_features(
    built: tuple[nn.Module, int],
) -> None:
    model, side = built
    model.eval()
    torch.manual_seed(1)
    images = torch.rand(2, 3, side, side)
    with torch.no_grad():
        found = models.features(model, images)
        logits = model(images)
    assert found.ndim == 2
    assert len(found) == 2
    last = [m for m in model.modules() if isinstance(m, nn.Linear)]
    if last:
        torch.testing.assert_close(last[-1](found), logits)
    else:
        assert found.shape[1] == 512  # SqueezeNet ends in a convolution
    assert len(models.features(model, images[:0])) == 0


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_b4", "vit_l_16", "maxvit_t"])
def test_large_ones_take_batches_of_0_1_and_128_without_being_run(name: str) -> None:
    model = _on_meta(name, 10, 224)
    for size in (0, 1, 128):
        assert model(torch.empty(size, 3, 224, 224, device="meta")).shape == (size, 10)
