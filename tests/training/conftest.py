"""A small real data set, a small network of the user's own, and configurations of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from seatrial.config.schema import Config
from seatrial.data import Dataset, open_dataset

SPLIT_SIZES = {"train": 90, "val": 40, "test": 20}
"""Ninety is no multiple of the batch size, sixteen: the last batch is uneven."""

NETWORK = """
import torch
from torch import nn


class Breaks(nn.Module):
    # Gives NaN from a training batch on, or asks for more memory than there is.

    def __init__(self, at_batch, how):
        super().__init__()
        self.left, self.how = at_batch, how

    def forward(self, x):
        self.left -= self.training
        if self.left > 0:
            return x
        return x * float("nan") if self.how == "nan" else torch.empty(2**50)


def breaking(num_classes, at_batch=1, how="nan"):
    return nn.Sequential(Breaks(at_batch, how), network(num_classes))


def network(num_classes, norm="batch", width=8):
    def normalise():
        return nn.BatchNorm2d(width) if norm == "batch" else nn.GroupNorm(2, width)

    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), normalise(), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1), normalise(), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.0),
        nn.Linear(4 * width, num_classes),
    )
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's repository: handwritten digits as an archive, and a network of their own."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "small.py").write_text(NETWORK)
    digits = load_digits()
    images = (digits.images * 15.9375).astype(np.uint8)
    arrays, first = {}, 0
    for split, size in SPLIT_SIZES.items():
        arrays[f"{split}_images"] = images[first : first + size]
        arrays[f"{split}_labels"] = digits.target[first : first + size]
        first += size
    np.savez(folder / "digits.npz", **arrays)
    return folder


Configure = Callable[..., Config]


@pytest.fixture(scope="session")
def configure() -> Configure:
    """A configuration of two quick epochs; keywords change whole sections, key by key."""

    def make(**changes: dict[str, Any]) -> Config:
        sections: dict[str, dict[str, Any]] = {
            "model": {"architecture": "small:network"},
            "data": {"source": "npz", "root": "digits.npz", "channels": 1},
            "optimizer": {"learning_rate": 0.01},
            "training": {
                "epochs": 2, "batch_size": 16, "device": "cpu", "threads": 1,
                "channels_last": False, "compile": False,
            },
        }  # fmt: skip
        for section, values in changes.items():
            sections[section] = {**sections.get(section, {}), **values}
        return Config.model_validate(sections)

    return make


@pytest.fixture(scope="session")
def dataset(project: Path, configure: Configure) -> Dataset:
    """The digits: 90 to train on, 40 to validate, 20 to test."""
    return open_dataset(configure().data, project, 0)
