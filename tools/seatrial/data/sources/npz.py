"""NumPy archives: ``images`` and ``labels``, or ``train_images``, ``train_labels``, ``val_…``,
``test_…`` as MedMNIST has them. Arrays of Python objects are refused, never unpickled.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from seatrial.data.sources.images import array_images
from seatrial.data.sources.interface import SPLIT_ALIASES, SPLITS, UNDECLARED, Listing, Request
from seatrial.data.sources.names import numbered, shortened
from seatrial.errors import InputError

_Archive = dict[str, npt.NDArray[Any]]


def listing(request: Request) -> Listing:
    """Every image of the archive ``request.root``, in the order of its arrays.

    ``images`` are uint8 ``(N, H, W)`` or ``(N, H, W, 1 | 3 | 4)``; ``labels`` whole numbers from
    0, ``(N,)`` or ``(N, 1)``; ``classes``, optional, their names; ``group_by`` names an array.

    :raises InputError: no such file, no archive, arrays missing, of objects, or of a wrong shape.
    """
    root = request.root
    if root is None or not root.is_file():
        raise InputError(f"data.root: required an npz file, but {root} is none")
    archive = _load(root)
    parts = _parts(root, archive)
    images = [_images(root, archive, f"{prefix}images") for prefix in parts]
    labels = [
        _column(root, archive, f"{p}labels", len(x)) for p, x in zip(parts, images, strict=True)
    ]
    groups = None
    if request.group_by:
        columns = [
            _column(root, archive, prefix + request.group_by, len(part), text=True)
            for prefix, part in zip(parts, images, strict=True)
        ]
        groups = tuple(str(value) for column in columns for value in column)
    every_label = np.concatenate(labels).astype(np.int64)
    counts = [len(part) for part in images]
    names = [
        name
        for split, count in zip(parts.values(), counts, strict=True)
        for name in numbered("images" if split == UNDECLARED else SPLITS[split], count)
    ]
    return Listing(
        origin=str(root),
        classes=_classes(root, archive, every_label),
        ids=tuple(names),
        labels=every_label,
        declared=np.repeat(np.array(list(parts.values()), dtype=np.int8), counts),
        images=array_images(images),
        groups=groups,
    )


def _load(root: Path) -> _Archive:
    try:
        if not zipfile.is_zipfile(root):
            raise InputError(f"{root}: required an npz archive, found another kind of file")
        _refuse_larger_than_memory(root)
        with np.load(root, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise InputError(
                f"{root}: holds Python objects, which are never loaded; save plain arrays of "
                "numbers or text"
            ) from None
        raise InputError(f"{root}: not readable as npz: {error}") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise InputError(f"{root}: not readable as npz: {error}") from None


def _refuse_larger_than_memory(root: Path) -> None:
    """Arrays cannot be streamed out of an archive, and a small archive may unpack to anything."""
    with zipfile.ZipFile(root) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    available = psutil.virtual_memory().available
    if size > available:
        raise InputError(
            f"{root}: {size // 10**6} MB once unpacked, {available // 10**6} MB of memory are "
            "free; keep such a set as a folder of images, which is streamed"
        )


def _parts(root: Path, archive: _Archive) -> dict[str, int]:
    """The prefix of each pair of arrays, and its split."""
    if "images" in archive:
        return {"": UNDECLARED}
    parts: dict[str, int] = {}
    for alias, split in SPLIT_ALIASES.items():
        if f"{alias}_images" in archive:
            if split in parts.values():
                raise InputError(f"{root}: two arrays of {SPLITS[split]} images; keep one")
            parts[f"{alias}_"] = split
    if 0 not in parts.values():
        raise InputError(
            f"{root}: required the arrays images and labels, or train_images and train_labels, "
            f"found {shortened(sorted(archive)) or 'none'}"
        )
    return parts


def _images(root: Path, archive: _Archive, name: str) -> npt.NDArray[np.uint8]:
    array = archive[name]
    fits = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3, 4))
    if not fits or array.dtype != np.uint8 or 0 in array.shape:
        raise InputError(
            f"{root}: {name} must be uint8 of shape (N, H, W) or (N, H, W, 1, 3 or 4), found "
            f"{array.dtype} of shape {array.shape}"
        )
    return array


def _column(
    root: Path, archive: _Archive, name: str, count: int, *, text: bool = False
) -> npt.NDArray[Any]:
    if name not in archive:
        raise InputError(f"{root}: required the array {name}, found {shortened(sorted(archive))}")
    array = archive[name]
    kinds, expected = ("iuU", "numbers or text") if text else ("iu", "whole numbers")
    if array.shape not in ((count,), (count, 1)) or array.dtype.kind not in kinds:
        raise InputError(
            f"{root}: {name} must be {expected} of shape ({count},), one an image, found "
            f"{array.dtype} of shape {array.shape}"
        )
    return array.reshape(-1)


def _classes(root: Path, archive: _Archive, labels: npt.NDArray[np.int64]) -> tuple[str, ...]:
    if "classes" not in archive:
        # A stray huge label must not make millions of names: the check of ranges refuses it.
        return tuple(str(index) for index in range(min(int(labels.max()) + 1, len(labels))))
    names = archive["classes"]
    if names.ndim != 1 or names.dtype.kind != "U" or len(set(names.tolist())) != len(names):
        raise InputError(
            f"{root}: classes must be distinct names, text of shape (K,), found {names.dtype} of "
            f"shape {names.shape}"
        )
    return tuple(names.tolist())
