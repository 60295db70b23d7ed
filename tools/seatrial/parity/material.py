"""The test set laid out for the processes that run exports: pixels, golden files, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.evidence.records import Preprocessing
from seatrial.export.interface import Images
from seatrial.files import disk_errors
from seatrial.parity.comparing import log_probabilities

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

GOLDEN_IMAGES = 16
_CHUNK = 256


@dataclass(frozen=True)
class Material:
    """The test set on disk, and what the model said of it."""

    pixels: Path
    """An ``.npy`` of ``(N, H, W, C)`` uint8."""
    golden: Sequence[Mapping[str, object]]
    """Image files, each with its position in :attr:`pixels`."""
    preprocessing: Preprocessing
    """Training's."""
    reference: npt.NDArray[np.floating[Any]]
    """The model's logits ``(N, K)``, or log-probabilities where the exports give probabilities."""
    labels: Indices
    ids: Sequence[str]
    classes: Sequence[str]

    @property
    def reference_accuracy(self) -> float:
        """Of the model itself."""
        return float((self.reference.argmax(axis=1) == self.labels).mean())


def lay_out(
    dataset: Images, indices: Indices, reference_logits: Floats, *, embedded: bool, folder: Path
) -> Material:
    """Write the test images into ``folder``, decoded and as :data:`GOLDEN_IMAGES` files.

    :raises InputError: a disk that takes no file.
    """
    return Material(
        pixels=_write_pixels(dataset, indices, folder / "pixels.npy"),
        golden=_write_golden(dataset, indices, folder),
        preprocessing=dataset.spec,
        reference=log_probabilities(reference_logits) if embedded else reference_logits,
        labels=dataset.labels(indices),
        ids=list(dataset.ids(indices)),
        classes=list(dataset.classes),
    )


def _write_pixels(dataset: Images, indices: Indices, path: Path) -> Path:
    """All test pixels as one array file, read a part at a time. Written, not mapped: a full disk
    under a mapping kills the process."""
    spec = dataset.spec
    header = {
        "descr": "|u1",
        "fortran_order": False,
        "shape": (len(indices), spec.height, spec.width, spec.channels),
    }
    with disk_errors(path), path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, len(indices), _CHUNK):
            stream.write(dataset.pixels(indices[start : start + _CHUNK]).tobytes())
    return path


def _write_golden(dataset: Images, indices: Indices, work: Path) -> Sequence[Mapping[str, object]]:
    count = min(GOLDEN_IMAGES, len(indices))
    positions = np.unique(np.linspace(0, len(indices) - 1, count).astype(np.int64))
    golden = []
    for position in positions:
        file = work / f"golden_{position}"
        with disk_errors(file):
            file.write_bytes(dataset.raw_bytes(int(indices[position])))
        golden.append({"file": str(file.resolve()), "position": int(position)})
    return golden
