"""A small network trained on real digits, its data set, and its exports, for several folders."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

from seatrial.config.schema import Quantization
from seatrial.evidence.records import ExportRecord, Preprocessing
from seatrial.export import export_all
from seatrial.preprocessing import normalise

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """scikit-learn's digits as the exporters see a data set: 1,000 train, 300 val, 300 test."""

    images: npt.NDArray[np.uint8]
    targets: Integers
    spec: Preprocessing
    classes: Sequence[str] = tuple("0123456789")
    sizes: tuple[int, int, int] = (1000, 300, 300)
    """Of train, val and test, which follow one another."""

    def split_indices(self, split: str) -> Integers:
        position = ("train", "val", "test").index(split)
        first = sum(self.sizes[:position])
        return np.arange(first, first + self.sizes[position])

    def pixels(self, indices: Integers) -> npt.NDArray[np.uint8]:
        return self.images[indices]

    def labels(self, indices: Integers) -> Integers:
        return self.targets[indices]

    def ids(self, indices: Integers) -> list[str]:
        return [f"digits/{index}" for index in indices]

    def raw_bytes(self, index: int) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(self.images[index, :, :, 0]).save(stream, "PNG")
        return stream.getvalue()


def digits() -> Digits:
    data = load_digits()
    images = np.clip(data.images * 16, 0, 255).astype(np.uint8)[..., None]
    spec = Preprocessing(
        height=8,
        width=8,
        channels=1,
        resize="stretch",
        interpolation="bilinear",
        mean=(0.3,),
        std=(0.37,),
    )
    return Digits(images, data.target.astype(np.int64), spec)


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, padding=1, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(96, 10),
    )


def train(model: nn.Module, dataset: Digits, epochs: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    indices = dataset.split_indices("train")
    inputs = torch.from_numpy(normalise(dataset.pixels(indices), dataset.spec))
    labels = torch.from_numpy(dataset.labels(indices))
    for _ in range(epochs):
        for batch in torch.randperm(len(indices)).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()
            optimizer.step()
    return model.eval()


@dataclass(frozen=True)
class Release:
    """A finished export."""

    folder: Path
    record: ExportRecord
    events: list[dict[str, object]]

    def path(self, kind: str) -> Path:
        found = next(one.path for one in self.record.artifacts if one.format == kind)
        assert found is not None
        return self.folder / found


def release(
    model: nn.Module,
    dataset: Digits,
    folder: Path,
    *,
    embed: bool = False,
    formats: Sequence[str] = ("onnx", "onnx_fp16", "torchscript", "torch_export"),
    quantization: Quantization | None = None,
) -> Release:
    events: list[dict[str, object]] = []
    record = export_all(
        model,
        dataset,
        name="digits",
        checkpoint_sha256="0" * 64,
        formats=formats,  # type: ignore[arg-type]
        quantization=quantization,
        embed_preprocessing=embed,
        threads=1,
        seed=0,
        output=folder,
        emit=events.append,
    )
    return Release(folder, record, events)
