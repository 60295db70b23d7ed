"""Inference: repeatable, in evaluation mode, independent of how it is fed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seatrial.data import Dataset
from seatrial.preprocessing import normalise
from seatrial.training import predict_logits


class Streamed:
    """The same images, decoded at each call as far as inference can tell."""

    streamed = True

    def __init__(self, dataset: Dataset) -> None:
        self.spec, self.pixels, self.labels = dataset.spec, dataset.pixels, dataset.labels


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(6, 4, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10),
    )  # fmt: skip


def test_logits_are_those_of_the_model_in_evaluation_mode_in_the_order_asked(
    model: nn.Module, dataset: Dataset
) -> None:
    indices = dataset.split_indices("val")[::-1].copy()
    found = predict_logits(model, dataset, indices, batch_size=16, device="cpu")
    assert found.shape == (40, 10)
    assert found.dtype == np.float32
    images = torch.from_numpy(normalise(dataset.pixels(indices), dataset.spec))
    with torch.no_grad():
        expected = model.eval()(images)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)


def test_the_same_call_gives_the_same_bits_streamed_or_not(
    model: nn.Module, dataset: Dataset
) -> None:
    indices = dataset.split_indices("val")
    first, again = (
        predict_logits(model, dataset, indices, batch_size=16, device="cpu") for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    streamed = predict_logits(model, Streamed(dataset), indices, batch_size=16, device="cpu")
    np.testing.assert_array_equal(first, streamed)


def test_the_model_is_left_as_it_was(model: nn.Module, dataset: Dataset) -> None:
    model.train()
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    predict_logits(model, dataset, dataset.split_indices("val"), batch_size=7, device="cpu")
    assert [module.training for module in model] == [True, False] + [True] * 6
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(parameter.is_inference() for parameter in model.parameters())


@pytest.mark.parametrize("change", [lambda m: m.double(), lambda m: m.to(
    memory_format=torch.channels_last)], ids=["float64", "channels last"])  # fmt: skip
def test_precision_and_memory_format_of_the_model_are_followed(
    change: Any, model: nn.Module, dataset: Dataset
) -> None:
    indices = dataset.split_indices("val")
    expected = predict_logits(model, dataset, indices, batch_size=16, device="cpu")
    found = predict_logits(change(model), dataset, indices, batch_size=16, device="cpu")
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_images_are_refused(model: nn.Module, dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        predict_logits(model, dataset, np.array([], np.int64), batch_size=4, device="cpu")


def test_a_data_set_is_read_batch_by_batch(model: nn.Module, dataset: Dataset) -> None:
    """Memory does not grow with the data set: no call asks for more than a batch."""
    asked: list[int] = []

    class Counting:
        def pixels(self, positions: Any) -> Any:
            asked.append(len(positions))
            return dataset.store.pixels(positions)

    counted = replace(dataset, store=Counting(), streamed=True)
    predict_logits(model, counted, dataset.split_indices("val"), batch_size=16, device="cpu")
    assert asked == [16, 16, 8]
