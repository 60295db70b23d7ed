"""A trained network and its exports, made once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from digits_release import Digits, Release, digits, network, release, train
from seatrial.config.schema import Quantization


@pytest.fixture(scope="session")
def dataset() -> Digits:
    return digits()


@pytest.fixture(scope="session")
def model(dataset: Digits) -> nn.Module:
    """A network of about 95 % accuracy, with real batch-norm statistics."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return train(network(), dataset, epochs=8, seed=0)


@pytest.fixture(scope="session")
def plain(model: nn.Module, dataset: Digits, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Every format, logits out."""
    settings = Quantization(calibration_images=128, max_search_images=300, max_accuracy_drop=0.01)
    return release(model, dataset, tmp_path_factory.mktemp("plain"), quantization=settings)


@pytest.fixture(scope="session")
def embedded(
    model: nn.Module, dataset: Digits, tmp_path_factory: pytest.TempPathFactory
) -> Release:
    """Every format, from pixels to probabilities."""
    settings = Quantization(calibration_images=64, max_search_images=100, max_accuracy_drop=0.02)
    return release(
        model, dataset, tmp_path_factory.mktemp("embedded"), embed=True, quantization=settings
    )


@pytest.fixture(scope="session")
def three_channels(dataset: Digits) -> Digits:
    """The same digits in RGB."""
    spec = dataset.spec.model_copy(
        update={"channels": 3, "mean": (0.3, 0.31, 0.32), "std": (0.3, 0.3, 0.3)}
    )
    return replace(dataset, images=np.repeat(dataset.images, 3, axis=3), spec=spec)
