"""Building by name: what a configuration asks for is honoured, what cannot be is one clear line."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from seatrial import models
from seatrial.errors import ConfigurationError, InputError
from seatrial.models.classifier import LinearWithDropout


def _refused(error: type[Exception], *arguments: object, **named: object) -> str:
    with pytest.raises(error) as caught:
        models.build(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---------------------------------------------------------------- simple_cifar_net


def test_the_small_network_learns_the_digits() -> None:
    digits = load_digits()
    images = torch.tensor(digits.images / 16.0, dtype=torch.float32)[:, None]
    labels = torch.tensor(digits.target)
    order = torch.tensor(np.random.default_rng(0).permutation(len(labels)))
    train, test = order[:1437], order[1437:]
    torch.manual_seed(0)
    model = models.build("simple_cifar_net", 10, channels=1, image_size=(8, 8))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
    for _ in range(6):
        for batch in train[torch.randperm(len(train))].split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        correct = model.eval()(images[test]).argmax(1) == labels[test]
    assert correct.double().mean() >= 0.97


@pytest.mark.parametrize("side", [8, 9, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_small_network_takes_8_to_64_pixels_and_trains_on_a_single_image(
    side: int, channels: int
) -> None:
    model = models.build("simple_cifar_net", 3, channels=channels, image_size=(side, side))
    for size in (0, 1):
        assert model(torch.zeros(size, channels, side, side)).shape == (size, 3)


# ---------------------------------------------------------------- what is asked for


def test_a_model_comes_in_fp32_and_training_mode() -> None:
    model = models.build("simple_cifar_net", 2, image_size=(8, 8))
    assert model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_same_seed_builds_the_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(models.build("resnet18", 4, image_size=(32, 32)).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("resnet18", 32),
        ("mobilenet_v3_small", 32),
        ("densenet121", 32),
        ("squeezenet1_1", 32),
        ("vit_b_32", 32),
        ("simple_cifar_net", 8),
    ],
)
def test_dropout_acts_while_training_only_and_changes_no_name(name: str, side: int) -> None:
    torch.manual_seed(0)
    plain = models.build(name, 5, image_size=(side, side))
    torch.manual_seed(0)
    dropping = models.build(name, 5, image_size=(side, side), dropout=0.9)
    assert list(plain.state_dict()) == list(dropping.state_dict())
    for model in (plain, dropping):
        for layer in model.modules():
            if isinstance(layer, nn.Linear) and not layer.weight.any():
                nn.init.constant_(layer.weight, 0.01)
    images = torch.rand(4, 3, side, side)
    with torch.no_grad():
        assert torch.equal(plain.eval()(images), dropping.eval()(images))
        dropping.train()
        for layer in dropping.modules():  # leave nothing random but the classifier's dropout
            if isinstance(layer, nn.BatchNorm2d) or (
                isinstance(layer, nn.Dropout) and layer.p != 0.9
            ):
                layer.eval()
        assert not torch.equal(dropping(images), dropping(images))


def test_an_architectures_own_dropout_beside_the_classifier_is_the_one_set() -> None:
    assert models.build("googlenet", 5, image_size=(32, 32), dropout=0.9).dropout.p == 0.9
    vgg = models.build("vgg11", 5, image_size=(32, 32), dropout=0.9)
    assert [m.p for m in vgg.modules() if isinstance(m, nn.Dropout)] == [0.9, 0.9]


def test_dropout_before_a_linear_layer_scales_what_it_keeps() -> None:
    linear = nn.Linear(1000, 1, bias=False)
    nn.init.ones_(linear.weight)
    dropping = LinearWithDropout(linear, 0.25)
    assert dropping.weight is linear.weight
    torch.manual_seed(0)
    outputs = torch.stack([dropping(torch.ones(1000)) for _ in range(200)])
    assert outputs.mean().item() == pytest.approx(1000, rel=0.01)
    assert outputs.std().item() == pytest.approx((1000 * 0.25 / 0.75) ** 0.5, rel=0.2)
    assert dropping.eval()(torch.ones(1000)).item() == 1000


def test_one_channel_sees_in_a_grey_image_what_three_saw_in_its_colours() -> None:
    torch.manual_seed(0)
    colour = models.build("resnet18", 3, image_size=(32, 32)).eval()
    torch.manual_seed(0)
    grey = models.build("resnet18", 3, channels=1, image_size=(32, 32)).eval()
    assert grey.conv1.weight.shape == (64, 1, 7, 7)
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(grey(image), colour(image.expand(-1, 3, -1, -1)))


def test_the_small_stem_keeps_the_resolution_of_tiny_images() -> None:
    model = models.build("resnet18", 3, image_size=(32, 32), arguments={"small_stem": True})
    assert model.conv1.stride == (1, 1)
    seen: list[torch.Size] = []
    model.layer1.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape))
    model.eval()(torch.zeros(1, 3, 32, 32))
    assert seen[0][2:] == (32, 32)


def test_a_vision_transformer_gets_the_image_size() -> None:
    model = models.build("vit_base_patch32_224", 3, image_size=(64, 64))
    assert model.encoder.pos_embedding.shape[1] == 1 + 4


def test_timms_models_come_by_prefix_and_where_torchvision_has_none() -> None:
    pytest.importorskip("timm")
    grey = models.build("timm:resnet10t", 4, channels=1, image_size=(32, 32), dropout=0.3).eval()
    assert grey(torch.zeros(2, 1, 32, 32)).shape == (2, 4)
    assert models.features(grey, torch.zeros(2, 1, 32, 32)).shape == (2, 512)
    vit = models.build("vit_tiny_patch16_224", 4, image_size=(32, 32)).eval()
    assert vit(torch.zeros(1, 3, 32, 32)).shape == (1, 4)


def test_building_from_torchvision_does_not_import_timm() -> None:
    import subprocess

    code = (
        "import sys; from seatrial import models; "
        "models.build('vit_base_patch32_224', 2, image_size=(32, 32)); "
        "sys.exit('timm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---------------------------------------------------------------- what is refused


def test_an_unknown_architecture_is_answered_with_the_nearest_names() -> None:
    assert "resnet18" in _refused(ConfigurationError, "resnet81", 10)
    message = _refused(ConfigurationError, "efficientnetb0", 10)
    assert "found 'efficientnetb0'" in message
    assert "efficientnet_b0" in message
    assert "nothing there is near" in _refused(ConfigurationError, "qqqqqqqq", 10)


@pytest.mark.parametrize("num_classes", [1, 0, -3])
def test_fewer_than_two_classes_are_refused(num_classes: int) -> None:
    message = _refused(ConfigurationError, "resnet18", num_classes)
    assert message == f"num_classes: at least 2 required; found {num_classes}"


@pytest.mark.parametrize(
    ("name", "size", "part"),
    [
        ("vit_b_16", (33, 33), "a square whose side is a multiple of 16; found 33x33"),
        ("vit_b_16", (32, 64), "found 32x64"),
        ("alexnet", (32, 32), "alexnet does not take images of 3 channel(s) and 32x32 pixels"),
        ("maxvit_t", (100, 100), "maxvit_t"),
    ],
)
def test_an_image_size_that_does_not_fit_is_named(
    name: str, size: tuple[int, int], part: str
) -> None:
    assert part in _refused(ConfigurationError, name, 3, image_size=size)


def test_an_argument_that_the_architecture_does_not_take_is_named() -> None:
    for name in ("resnet18", "simple_cifar_net"):
        message = _refused(ConfigurationError, name, 3, image_size=(32, 32), arguments={"wdith": 3})
        assert "wdith" in message


def test_channels_other_than_one_and_three_are_refused() -> None:
    assert "data.channels" in _refused(ConfigurationError, "resnet18", 3, channels=4)


# ---------------------------------------------------------------- pretrained


def _publish(name: str, folder, num_classes: int = 1000) -> nn.Module:
    """Put a network's weights where torchvision looks for the published ones."""
    from torchvision import models as zoo

    weights = zoo.get_model_weights(name).DEFAULT
    torch.manual_seed(5)
    model = zoo.get_model(name, weights=None, num_classes=num_classes)
    checkpoints = folder / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    torch.save(model.state_dict(), checkpoints / weights.url.rsplit("/", 1)[1])
    return model


def test_pretrained_weights_are_loaded_but_for_the_head(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    published = _publish("resnet18", tmp_path)
    own = published.state_dict()
    for num_classes in (7, 1000):
        found = models.build("resnet18", num_classes, image_size=(32, 32), pretrained=True)
        for name, tensor in found.state_dict().items():
            if not name.startswith("fc.") or num_classes == 1000:
                assert torch.equal(tensor, own[name]), name
    grey = models.build("resnet18", 7, channels=1, image_size=(32, 32), pretrained=True)
    torch.testing.assert_close(grey.conv1.weight, own["conv1.weight"].sum(1, keepdim=True))


def test_pretrained_position_embeddings_are_resampled_to_the_image_size(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    own = _publish("vit_b_32", tmp_path).state_dict()
    found = models.build("vit_b_32", 3, image_size=(64, 64), pretrained=True).state_dict()
    assert found["encoder.pos_embedding"].shape == (1, 5, 768)
    assert torch.equal(found["conv_proj.weight"], own["conv_proj.weight"])


def test_densenets_published_names_are_the_old_ones_and_are_translated(
    tmp_path, monkeypatch
) -> None:
    from torchvision import models as zoo

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    own = _publish("densenet121", tmp_path).state_dict()
    path = next((tmp_path / "hub" / "checkpoints").iterdir())
    assert path.name == zoo.DenseNet121_Weights.DEFAULT.url.rsplit("/", 1)[1]
    old = {
        name.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2.")
        if "denselayer" in name
        else name: tensor
        for name, tensor in own.items()
    }
    assert old.keys() != own.keys()
    torch.save(old, path)
    found = models.build("densenet121", 3, image_size=(32, 32), pretrained=True).state_dict()
    for name in own:
        if not name.startswith("classifier."):
            assert torch.equal(found[name], own[name]), name


def test_absent_pretrained_weights_say_what_to_download_and_where_to(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", _no_network)
    message = _refused(InputError, "resnet18", 3, image_size=(32, 32), pretrained=True)
    assert "resnet18-f37072fd.pth" in message
    assert str(tmp_path / "hub" / "checkpoints") in message
    assert "or set model.pretrained: false" in message
    assert capsys.readouterr().out == ""


def _no_network(*_: object, **__: object) -> None:
    raise OSError("Name or service not known")


def test_a_damaged_or_hostile_pretrained_file_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    _publish("resnet18", tmp_path)
    path = next((tmp_path / "hub" / "checkpoints").iterdir())
    torch.save(nn.Linear(2, 2), path)  # a pickled object needs code to load
    assert "were not loaded" in _refused(
        InputError, "resnet18", 3, image_size=(32, 32), pretrained=True
    )


def test_pretrained_does_not_go_with_what_has_no_published_weights() -> None:
    small = _refused(ConfigurationError, "simple_cifar_net", 3, image_size=(8, 8), pretrained=True)
    assert "model.pretrained: simple_cifar_net has no published weights" in small
