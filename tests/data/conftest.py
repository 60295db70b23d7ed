"""Small data sets on a disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seatrial.config.schema import Data
from seatrial.data import Dataset, open_dataset

WriteImage = Callable[..., Path]
Open = Callable[..., Dataset]


@pytest.fixture
def write_image() -> WriteImage:
    """Write noise, another for each ``content``, as an image file."""

    def write(
        path: Path, content: int, size: tuple[int, int] = (20, 20), **options: object
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(content).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(values).save(path, **options)
        return path

    return write


@pytest.fixture
def split_folders(tmp_path: Path, write_image: WriteImage) -> Path:
    """``train`` 6, ``val`` 3 and ``test`` 3 images of each of two classes."""
    root, content = tmp_path / "set", 0
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for kind in ("cat", "dog"):
            for number in range(count):
                write_image(root / split / kind / f"{number}.png", content)
                content += 1
    return root


@pytest.fixture
def class_folders(tmp_path: Path, write_image: WriteImage) -> Path:
    """One level of three classes of 20 images."""
    root = tmp_path / "set"
    for kind, name in enumerate(("ant", "bee", "cow")):
        for number in range(20):
            write_image(root / name / f"{number}.png", 100 * kind + number)
    return root


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open a data set below ``tmp_path`` from the fields of the ``data`` section."""

    def open_it(seed: int = 0, **fields: object) -> Dataset:
        return open_dataset(Data.model_validate({"root": "set", **fields}), tmp_path, seed)

    return open_it
