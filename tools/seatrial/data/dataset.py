"""An opened data set: who is in it, and the pixels of any of its images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from seatrial.data.channels import ChannelStatistics
from seatrial.data.similarity import Similar
from seatrial.data.sources.interface import SPLITS, Images
from seatrial.data.table import Table
from seatrial.errors import InputError
from seatrial.evidence.records import DataCard, Preprocessing, Unreadable
from seatrial.preprocessing import Pixels, to_pixels

Indices = npt.NDArray[np.int64] | Sequence[int]
Split = Literal["train", "val", "test"]


class PixelStore(Protocol):
    """Gives images at the model's size, by position in the listing of the source."""

    def pixels(self, positions: npt.NDArray[np.int64]) -> Pixels:
        """``(B, H, W, C)`` uint8."""
        ...


@dataclass(frozen=True, eq=False)
class MemoryPixels:
    """Every image decoded beforehand."""

    array: Pixels

    def pixels(self, positions: npt.NDArray[np.int64]) -> Pixels:
        return self.array.take(positions, axis=0)


@dataclass(frozen=True, eq=False)
class StreamedPixels:
    """Images decoded when they are asked for; nothing is kept."""

    images: Images
    spec: Preprocessing
    threads: int
    _pools: dict[int, ThreadPoolExecutor] = field(default_factory=dict)
    """By process: a forked worker cannot use its parent's threads."""

    def pixels(self, positions: npt.NDArray[np.int64]) -> Pixels:
        shape = (len(positions), self.spec.height, self.spec.width, self.spec.channels)
        result = np.empty(shape, dtype=np.uint8)

        def fill(part: npt.NDArray[np.int64]) -> None:
            for row in part:
                result[row] = self._one(int(positions[row]))

        parts = np.array_split(np.arange(len(positions)), 4 * self.threads)
        list(self._pool().map(fill, (part for part in parts if len(part))))
        return result

    def _one(self, position: int) -> Pixels:
        try:
            return to_pixels(self.images.image(position), self.spec)
        except InputError as error:
            name = self.images.path(position) or f"image {position}"
            raise InputError(
                f"{name}: readable when the data set was opened, now: {error}"
            ) from None

    def _pool(self) -> ThreadPoolExecutor:
        process = os.getpid()
        if process not in self._pools:
            self._pools[process] = ThreadPoolExecutor(self.threads, "seatrial-decode")
        return self._pools[process]


@dataclass(frozen=True, eq=False)
class Dataset:
    """An opened data set. An index is a position in ``table``, the same in every run."""

    table: Table
    classes: tuple[str, ...]
    spec: Preprocessing
    """With mean and standard deviation of the training split, unless configured."""
    source: str
    origin: str
    """A path or name for messages."""
    seed: int
    split_method: str
    streamed: bool
    unreadable: tuple[Unreadable, ...]
    total_found: int
    near_duplicate_bits: int | None
    similar: Similar
    """Different pictures that resemble each other, by index."""
    card: DataCard
    notes: tuple[str, ...]
    seconds: float
    """What opening took."""
    images: Images
    positions: npt.NDArray[np.int64]
    """``(N,)``, each image's position in the listing of the source."""
    store: PixelStore
    channels: ChannelStatistics
    """Of the training split."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the sorted (id, content digest, label, split) of every image."""
        return self.table.digest(self.classes)

    def split_indices(self, split: Split) -> npt.NDArray[np.int64]:
        """Indices of a split's images, ascending."""
        return self.table.indices(SPLITS.index(split))

    def split_digest(self, split: Split) -> str:
        """SHA-256 over the sorted (content digest, label) of a split's images."""
        return self.table.content_digest(self.split_indices(split).tolist(), self.classes)

    def pixels(self, indices: Indices) -> Pixels:
        """``(B, H, W, C)`` uint8: what ``preprocessing.load_pixels`` gives for each image.

        :raises InputError: a file that has become unreadable since the data set was opened.
        """
        return self.store.pixels(self.positions[np.asarray(indices, dtype=np.int64)])

    def labels(self, indices: Indices) -> npt.NDArray[np.int64]:
        """``(B,)``, positions in ``classes``."""
        return self.table.labels[np.asarray(indices, dtype=np.int64)]

    def ids(self, indices: Indices) -> list[str]:
        """The images' names: paths relative to the source where it has files."""
        return [self.table.ids[index] for index in np.asarray(indices, dtype=np.int64)]

    def source_path(self, index: int) -> Path | None:
        """The image's file; None where the source keeps no files."""
        return self.images.path(int(self.positions[index]))

    def raw_bytes(self, index: int) -> bytes:
        """The image file's bytes, or a PNG encoding where the source keeps no files."""
        return self.images.raw_bytes(int(self.positions[index]))
