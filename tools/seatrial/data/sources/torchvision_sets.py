"""Data sets of torchvision that already lie on a disk. Nothing is ever downloaded.

torchvision's own classes read the files. Some of them unpickle (the CIFAR family does, after
comparing the file's MD5 with the published one): point ``data.root`` only at files you trust.
"""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seatrial.data.sources.images import DecodedImages
from seatrial.data.sources.interface import SPLITS, UNDECLARED, Listing, Request
from seatrial.data.sources.names import numbered
from seatrial.errors import ConfigurationError, InputError


@dataclass(frozen=True)
class TorchvisionSpec:
    """How a data set's class is asked for each split: keyword arguments by split."""

    description: str
    parts: Mapping[int, Mapping[str, Any]]


_BOOLEAN = {0: {"train": True}, 2: {"train": False}}
_TWO = {0: {"split": "train"}, 2: {"split": "test"}}
_THREE = {0: {"split": "train"}, 1: {"split": "val"}, 2: {"split": "test"}}

DATASETS: Mapping[str, TorchvisionSpec] = {
    "CIFAR10": TorchvisionSpec("32 px photos, 10 classes", _BOOLEAN),
    "CIFAR100": TorchvisionSpec("32 px photos, 100 classes", _BOOLEAN),
    "Country211": TorchvisionSpec("photos by country", {**_THREE, 1: {"split": "valid"}}),
    "DTD": TorchvisionSpec("textures, 47 classes", _THREE),
    "EuroSAT": TorchvisionSpec("64 px satellite images, 10 classes", {UNDECLARED: {}}),
    "FGVCAircraft": TorchvisionSpec("aircraft, 100 variants", _THREE),
    "FashionMNIST": TorchvisionSpec("28 px clothes, 10 classes", _BOOLEAN),
    "Flowers102": TorchvisionSpec("flowers, 102 classes", _THREE),
    "Food101": TorchvisionSpec("food, 101 classes", _TWO),
    "GTSRB": TorchvisionSpec("German traffic signs, 43 classes", _TWO),
    "KMNIST": TorchvisionSpec("28 px Japanese characters, 10 classes", _BOOLEAN),
    "MNIST": TorchvisionSpec("28 px handwritten digits, 10 classes", _BOOLEAN),
    "OxfordIIITPet": TorchvisionSpec("pets, 37 breeds", {**_TWO, 0: {"split": "trainval"}}),
    "STL10": TorchvisionSpec("96 px photos, 10 classes", _TWO),
    "SVHN": TorchvisionSpec("32 px house numbers, 10 classes", _TWO),
    "USPS": TorchvisionSpec("16 px handwritten digits, 10 classes", _BOOLEAN),
}


def listing(request: Request) -> Listing:
    """Every image of the data set ``request.dataset`` below ``request.root``.

    :raises ConfigurationError: an unknown data set, or groups asked for.
    :raises InputError: the data set does not lie there.
    """
    name = request.dataset or ""
    if name not in DATASETS:
        near = difflib.get_close_matches(name, DATASETS, 3, 0.3) or sorted(DATASETS)
        raise ConfigurationError(
            f"data.dataset: {name!r} is no data set known here; the nearest: {', '.join(near)}"
        )
    if request.group_by:
        raise ConfigurationError(f"data.group_by: {name} has no groups; remove it")
    parts = {
        split: _open(name, request.root, arguments)
        for split, arguments in DATASETS[name].parts.items()
    }
    counts = [len(part) for part in parts.values()]
    labels = np.concatenate([_labels(part) for part in parts.values()])
    ids = [
        identity
        for split, count in zip(parts, counts, strict=True)
        for identity in numbered("images" if split == UNDECLARED else SPLITS[split], count)
    ]
    return Listing(
        origin=f"{name} in {request.root}",
        classes=_classes(next(iter(parts.values())), labels),
        ids=tuple(ids),
        labels=labels,
        declared=np.repeat(np.array(list(parts), dtype=np.int8), counts),
        images=_images(list(parts.values())),
    )


def _open(name: str, root: Path | None, arguments: Mapping[str, Any]) -> Any:
    # torchvision takes a second to import, which other sources need not wait for.
    from torchvision import datasets

    try:
        return getattr(datasets, name)(root=str(root), download=False, **arguments)
    except (RuntimeError, OSError) as error:
        # What follows the first sentence is advice to download, which is not for this program.
        reason = str(error).partition(". ")[0].rstrip(".") or type(error).__name__
        raise InputError(
            f"data.root: required torchvision's {name} below {root}, but it says: {reason}. "
            "Nothing is downloaded; put the data set there first"
        ) from None


def _labels(part: Any) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Labels without decoding the images, under the names that torchvision's classes use."""
    for attribute in ("targets", "labels", "_labels"):
        values = getattr(part, attribute, None)
        if values is not None and len(values) == len(part):
            return np.asarray(values, dtype=np.int64)
    samples = getattr(part, "samples", None) or getattr(part, "_samples", None)
    if samples is not None:
        return np.array([label for _, label in samples], dtype=np.int64)
    return np.array([int(part[index][1]) for index in range(len(part))], dtype=np.int64)


def _classes(part: Any, labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[str, ...]:
    names = getattr(part, "classes", None)
    if names is not None and len(names) > labels.max():
        return tuple(str(name) for name in names)
    return tuple(str(index) for index in range(int(labels.max()) + 1))


def _images(parts: list[Any]) -> DecodedImages:
    starts = [0, *accumulate(len(part) for part in parts)]

    def get(index: int) -> Image.Image:
        part = bisect.bisect_right(starts, index) - 1
        image: Image.Image = parts[part][index - starts[part]][0]
        return image

    return DecodedImages(starts[-1], get)
