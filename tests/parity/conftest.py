"""A trained network, its exports, and what it says of the test set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from digits_release import Digits, Release, digits, network, release, train
from seatrial.config.schema import Quantization
from seatrial.preprocessing import normalise


@pytest.fixture(scope="session")
def dataset() -> Digits:
    return digits()


@pytest.fixture(scope="session")
def model(dataset: Digits) -> nn.Module:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return train(network(), dataset, epochs=6, seed=0)


@pytest.fixture(scope="session")
def logits(model: nn.Module, dataset: Digits) -> npt.NDArray[np.float32]:
    """The model's own, on the test split."""
    pixels = dataset.pixels(dataset.split_indices("test"))
    with torch.no_grad():
        answer: npt.NDArray[np.float32] = model(
            torch.from_numpy(normalise(pixels, dataset.spec))
        ).numpy()
    return answer


@pytest.fixture(scope="session")
def every_format(
    model: nn.Module, dataset: Digits, tmp_path_factory: pytest.TempPathFactory
) -> Release:
    settings = Quantization(calibration_images=64, max_search_images=200, max_accuracy_drop=0.01)
    return release(model, dataset, tmp_path_factory.mktemp("all"), quantization=settings)


@pytest.fixture(scope="session")
def onnx_only(
    model: nn.Module, dataset: Digits, tmp_path_factory: pytest.TempPathFactory
) -> Release:
    return release(model, dataset, tmp_path_factory.mktemp("onnx"), formats=("onnx",))
