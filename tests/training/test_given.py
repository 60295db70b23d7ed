"""Models on disk: ours loaded for use, and one trained elsewhere taken in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from seatrial.data import Dataset
from seatrial.errors import InputError
from seatrial.files import sha256_file
from seatrial.training import given, load_model, predict_logits, train
from seatrial.training.assembly import build_model
from seatrial.training.checkpoints import BEST, read


@pytest.fixture
def elsewhere(configure: Any, project: Path) -> torch.nn.Module:
    torch.manual_seed(3)
    return build_model(configure(), 10, (1, 8, 8), project)


@pytest.mark.parametrize("kind", ["state dict", "wrapped", "safetensors"])
def test_a_model_trained_elsewhere_is_taken_in_with_its_very_weights(
    kind: str,
    elsewhere: torch.nn.Module,
    configure: Any,
    dataset: Dataset,
    project: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / ("model.safetensors" if kind == "safetensors" else "model.pt")
    state = elsewhere.state_dict()
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state} if kind == "wrapped" else state, path)
    config = configure()
    record = given(config, path, dataset, tmp_path / "out", project=project)
    assert record.trained_elsewhere
    assert record.stopped == "trained_elsewhere"
    assert (record.best_value, record.last_resumable, record.epochs) == (None, None, ())
    (checkpoint,) = record.checkpoints
    taken = tmp_path / "out" / checkpoint.path
    assert (checkpoint.role, taken.name) == ("given", BEST)
    assert checkpoint.sha256 == sha256_file(taken)
    assert read(taken)["classes"] == list(dataset.classes)
    model = load_model(config, taken, num_classes=10, project=project)
    indices = dataset.split_indices("val")
    np.testing.assert_array_equal(
        predict_logits(model, dataset, indices, batch_size=16, device="cpu"),
        predict_logits(elsewhere, dataset, indices, batch_size=16, device="cpu"),
    )


def test_missing_and_unexpected_keys_are_named_and_nothing_is_written(
    elsewhere: torch.nn.Module,
    configure: Any,
    dataset: Dataset,
    project: Path,
    tmp_path: Path,
) -> None:
    state = elsewhere.state_dict()
    state["extra.weight"] = state.pop("0.weight")
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"(?s)0\.weight.*extra\.weight"):
        given(configure(), tmp_path / "model.pt", dataset, tmp_path / "out", project=project)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "classes", "said"),
    [
        ({"model": {"architecture": "small:other"}}, 10, "architecture small:other required"),
        ({}, 7, "classes 7 required"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused_by_name(
    change: dict[str, Any],
    classes: int,
    said: str,
    configure: Any,
    dataset: Dataset,
    project: Path,
    tmp_path: Path,
) -> None:
    train(
        configure(training={"epochs": 1}), dataset, tmp_path, project=project, carried=None,
        emit=lambda _: None,
    )  # fmt: skip
    path = tmp_path / "checkpoints" / BEST
    with pytest.raises(InputError, match=said):
        load_model(configure(**change), path, num_classes=classes, project=project)


def test_a_loaded_model_is_ready_to_answer(
    elsewhere: torch.nn.Module,
    configure: Any,
    dataset: Dataset,
    project: Path,
    tmp_path: Path,
) -> None:
    torch.save(elsewhere.state_dict(), tmp_path / "model.pt")
    config = configure(training={"channels_last": True})
    given(config, tmp_path / "model.pt", dataset, tmp_path, project=project)
    model = load_model(config, tmp_path / "checkpoints" / BEST, num_classes=10, project=project)
    assert not any(module.training for module in model.modules())
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model[4].weight.is_contiguous(memory_format=torch.channels_last)
