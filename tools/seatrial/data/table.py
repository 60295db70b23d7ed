"""Every usable image of a data set, one entry a column, in the order of the ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.data.sources.interface import SPLITS
from seatrial.files import digest_of


@dataclass(frozen=True, eq=False)
class Table:
    """``N`` images. ``labels`` are positions in the classes, ``splits`` in ``SPLITS``."""

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    splits: npt.NDArray[np.int8]
    content: tuple[str, ...]
    """SHA-256 of each file's bytes, or of mode, size and pixels where there are no files."""
    groups: tuple[str | None, ...] | None
    appearance: tuple[str, ...]
    """SHA-256 of the decoded picture: equal for equal pictures in different files."""
    hashes: npt.NDArray[np.uint64]
    hashable: npt.NDArray[np.bool_]
    """False where an image is too small or too flat for a perceptual hash."""
    coarse: npt.NDArray[np.uint8]
    """``(N, 16, 16)`` grey thumbnails."""
    widths: npt.NDArray[np.int64]
    heights: npt.NDArray[np.int64]
    modes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def indices(self, split: int) -> npt.NDArray[np.int64]:
        """Positions of a split's images, ascending."""
        return np.flatnonzero(self.splits == split)

    def digest(self, classes: tuple[str, ...]) -> str:
        """SHA-256 over the sorted (id, content digest, label, split) of every image."""
        return digest_of(
            sorted(
                [name, content, classes[label], SPLITS[split]]
                for name, content, label, split in zip(
                    self.ids, self.content, self.labels.tolist(), self.splits.tolist(), strict=True
                )
            )
        )

    def content_digest(self, indices: Iterable[int], classes: tuple[str, ...]) -> str:
        """SHA-256 over the sorted (content digest, label) of some images."""
        return digest_of(sorted([self.content[i], classes[self.labels[i]]] for i in indices))
