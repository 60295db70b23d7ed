"""What every source of images gives: who is there, under which label, and how to get the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

SPLITS = ("train", "val", "test")
SPLIT_ALIASES = {
    "train": 0, "training": 0,
    "val": 1, "valid": 1, "validation": 1, "dev": 1,
    "test": 2, "testing": 2,
}  # fmt: skip
"""Names that people give to splits, in lower case, and the position in :data:`SPLITS`."""
UNDECLARED = -1


class Images(Protocol):
    """The images of a source, by position in its listing. Safe to call from several threads."""

    def __len__(self) -> int:
        """How many there are, readable or not."""
        ...

    def read(self, index: int) -> tuple[str, Image.Image]:
        """The SHA-256 of the content, and the decoded, upright image.

        :raises InputError: unreadable; the message is the reason without the name.
        """
        ...

    def image(self, index: int) -> Image.Image:
        """The decoded, upright image alone; raises as :meth:`read`."""
        ...

    def raw_bytes(self, index: int) -> bytes:
        """The image file's bytes, or a PNG encoding where the source keeps no files."""
        ...

    def path(self, index: int) -> Path | None:
        """The image file, or None where the source keeps no files."""
        ...


@dataclass(frozen=True)
class Request:
    """What a source may need to know. Paths are absolute."""

    root: Path | None = None
    dataset: str | None = None
    group_by: str | None = None
    path_column: str = "path"
    label_column: str = "label"
    split_column: str = "split"


@dataclass(frozen=True, eq=False)
class Listing:
    """A source as it stands, before anything is read. All columns have one entry an image."""

    origin: str
    """What error messages call this data set: a path, or a name."""
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    """``(N,)``, positions in ``classes``."""
    declared: npt.NDArray[np.int8]
    """``(N,)``, positions in :data:`SPLITS`, or :data:`UNDECLARED`."""
    images: Images
    groups: tuple[str | None, ...] | None = None
    notes: tuple[str, ...] = field(default=())
    """What a person should know about how the source was read, one sentence each."""


@dataclass(frozen=True)
class SourceSpec:
    """One kind of source."""

    description: str
    listing: Callable[[Request], Listing]
    needs: tuple[str, ...] = ()
    """Keys of the ``data`` section that it cannot do without."""
