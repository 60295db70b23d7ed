"""Weights from a file: what fits goes in, and every way not to fit is named."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from seatrial import models
from seatrial.errors import InputError


def _model(seed: int, num_classes: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    return models.build("simple_cifar_net", num_classes, image_size=(8, 8))


def _equal(first: nn.Module, second: nn.Module) -> bool:
    other = second.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in first.state_dict().items())


def _refused(model: nn.Module, path: Path) -> str:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(InputError) as caught:
        models.load_weights(model, path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), "the model must be as it was"
    return message


# ---------------------------------------------------------------- what fits


@pytest.mark.parametrize("container", [None, "model_state_dict", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_state_dicts_load_bare_or_contained_and_with_wrappers_prefixes(
    tmp_path: Path, container: str | None, prefix: str
) -> None:
    source, target = _model(0), _model(1)
    state = {prefix + name: tensor for name, tensor in source.state_dict().items()}
    content = state if container is None else {container: state, "epoch": 3}
    torch.save(content, tmp_path / "weights.pt")
    assert not _equal(source, target)
    models.load_weights(target, tmp_path / "weights.pt")
    assert _equal(source, target)


def test_safetensors_load(tmp_path: Path) -> None:
    source, target = _model(0), _model(1)
    safetensors.torch.save_file(source.state_dict(), tmp_path / "weights.safetensors")
    models.load_weights(target, tmp_path / "weights.safetensors")
    assert _equal(source, target)


def test_a_file_without_batch_counters_loads_and_half_precision_is_converted(
    tmp_path: Path,
) -> None:
    source, target = _model(0), _model(1)
    state = {
        name: tensor.half()
        for name, tensor in source.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    torch.save(state, tmp_path / "weights.pt")
    models.load_weights(target, tmp_path / "weights.pt")
    assert {p.dtype for p in target.parameters()} == {torch.float32}
    torch.testing.assert_close(
        target.classifier[1].weight, source.classifier[1].weight, rtol=1e-3, atol=1e-4
    )


# ---------------------------------------------------------------- what does not


def test_missing_and_unexpected_keys_are_listed_up_to_five_with_the_rest_counted(
    tmp_path: Path,
) -> None:
    state = dict(_model(0).state_dict())
    state["classifier.1.wieght"] = state.pop("classifier.1.weight")
    torch.save(state, tmp_path / "renamed.pt")
    message = _refused(_model(1), tmp_path / "renamed.pt")
    assert "1 missing: classifier.1.weight; 1 unexpected: classifier.1.wieght" in message
    for name in [name for name in state if name.startswith("stages.0")]:
        del state[name]
    for number in range(8):
        state[f"extra.{number}"] = torch.zeros(1)
    torch.save(state, tmp_path / "more.pt")
    message = _refused(_model(1), tmp_path / "more.pt")
    assert "9 unexpected: classifier.1.wieght, extra.0, extra.1, extra.2, extra.3 and 4 more" in (
        message
    )


def test_other_classes_are_told_from_another_architecture(tmp_path: Path) -> None:
    torch.save(_model(0, num_classes=7).state_dict(), tmp_path / "seven.pt")
    message = _refused(_model(1), tmp_path / "seven.pt")
    assert "classifier.1.weight (7, 128) in the file, (3, 128) required" in message
    assert "the same architecture with other classes" in message
    other = models.build("squeezenet1_1", 3, image_size=(32, 32))
    torch.save(other.state_dict(), tmp_path / "squeezenet.pt")
    assert "another architecture (1 of " in _refused(_model(1), tmp_path / "squeezenet.pt")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_absent_empty_and_damaged_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    assert "no such file" in _refused(_model(1), path)
    path.write_bytes(b"")
    assert "the file is empty" in _refused(_model(1), path)
    path.write_bytes(b"not weights at all, but text")
    assert "readable as" in _refused(_model(1), path) or suffix == ".pt"
    if suffix == ".pt":
        torch.save(_model(0).state_dict(), path)
    else:
        safetensors.torch.save_file(_model(0).state_dict(), path)
    whole = path.read_bytes()
    for length in (len(whole) // 2, 100):
        path.write_bytes(whole[:length])
        _refused(_model(1), path)
    path.unlink()
    path.mkdir()
    assert "found a folder" in _refused(_model(1), path)


class _Touch:
    """Unpickled by a careless loader, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    proof = tmp_path / "was_run"
    torch.save({"model_state_dict": _model(0).state_dict(), "x": _Touch(proof)}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(_Touch(proof)))
    for name in ("a.pt", "b.pt"):
        assert "code to load" in _refused(_model(1), tmp_path / name)
    assert not proof.exists()
    torch.save(_model(0), tmp_path / "whole.pt")
    assert "torch.save(model.state_dict(), path)" in _refused(_model(1), tmp_path / "whole.pt")


@pytest.mark.parametrize("content", [3, [1, 2], {}, {"epoch": 3, "lr": 0.1}, {"state_dict": {}}])
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "odd.pt")
    assert "a state dict required" in _refused(_model(1), tmp_path / "odd.pt")


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = _model(0)
    with torch.no_grad():
        model.classifier[1].bias[1] = torch.nan
    torch.save(model.state_dict(), tmp_path / "nan.pt")
    message = _refused(_model(1), tmp_path / "nan.pt")
    assert "values that are not finite in classifier.1.bias" in message
