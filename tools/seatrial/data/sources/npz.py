"""NumPy archives: ``images`` and ``labels``, or ``train_images``, ``train_labels``, ``val_…``,
``test_…`` as MedMNIST has them. Arrays of Python objects are refused, never unpickled.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from seatrial.data.sources.images import array_images
from seatrial.data.sources.interface import SPLIT_ALIASES, SPLITS, UNDECLARED, Listing, Request
from seatrial.data.sources.names import numbered, shortened
from seatrial.errors import InputError


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


@dataclass(frozen=True)
class _Header:
    """What an array says of itself before anything of it is unpacked."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class _Archive(Mapping[str, _Header]):
    """The arrays of an archive by name. Each is unpacked when it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._headers: dict[str, _Header] = {}
        with _readable(root), zipfile.ZipFile(root) as archive:
            for entry in archive.infolist():
                name, ending, _ = entry.filename.partition(".npy")
                if not ending or name in self._headers:
                    why = "named twice" if name in self._headers else "no array"
                    raise InputError(f"{root}: not readable as npz: {entry.filename!r} is {why}")
                self._headers[name] = _header(root, archive, entry)

    def __getitem__(self, name: str) -> _Header:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def array(self, name: str) -> npt.NDArray[Any]:
        """Unpack one array."""
        with _readable(self.root), np.load(self.root, allow_pickle=False) as archive:
            found: npt.NDArray[Any] = archive[name]
            return found


def _header(root: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _Header:
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"{entry.filename}: array format {version}; 1.0 and 2.0 are read")
        begun = stream.tell()
    if dtype.hasobject:
        raise InputError(
            f"{root}: holds Python objects, which are never loaded ({entry.filename}); save plain "
            "arrays of numbers or text"
        )
    if begun + math.prod(shape) * dtype.itemsize != entry.file_size or min(shape, default=0) < 0:
        raise ValueError(f"{entry.filename}: {entry.file_size} bytes, {dtype} of shape {shape}")
    return _Header(shape, dtype)


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    """Every way in which an archive can be damaged, as one line."""
    try:
        yield
    except InputError:
        raise
    except (MemoryError, RecursionError):
        raise InputError(f"{root}: not readable as npz: its header is no array's") from None
    except Exception as error:  # zipfile, zlib and numpy raise nearly anything on damaged files
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{root}: not readable as npz: {reason}") from None


def _load(root: Path) -> _Archive:
    with _readable(root):
        if not zipfile.is_zipfile(root):
            raise InputError(f"{root}: required an npz archive, found another kind of file")
        _refuse_larger_than_memory(root)
    return _Archive(root)


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
    shape, dtype = archive[name].shape, archive[name].dtype
    fits = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))
    if not fits or dtype != np.uint8 or 0 in shape:
        raise InputError(
            f"{root}: {name} must be uint8 of shape (N, H, W) or (N, H, W, 1, 3 or 4), found "
            f"{dtype} of shape {shape}"
        )
    return archive.array(name)


def _column(
    root: Path, archive: _Archive, name: str, count: int, *, text: bool = False
) -> npt.NDArray[Any]:
    if name not in archive:
        raise InputError(f"{root}: required the array {name}, found {shortened(sorted(archive))}")
    shape, dtype = archive[name].shape, archive[name].dtype
    kinds, expected = ("iuU", "numbers or text") if text else ("iu", "whole numbers")
    if shape not in ((count,), (count, 1)) or dtype.kind not in kinds:
        raise InputError(
            f"{root}: {name} must be {expected} of shape ({count},), one an image, found "
            f"{dtype} of shape {shape}"
        )
    return archive.array(name).reshape(-1)


def _classes(root: Path, archive: _Archive, labels: npt.NDArray[np.int64]) -> tuple[str, ...]:
    if "classes" not in archive:
        # A stray huge label must not make millions of names: the check of ranges refuses it.
        return tuple(str(index) for index in range(min(int(labels.max()) + 1, len(labels))))
    shape, dtype = archive["classes"].shape, archive["classes"].dtype
    names = archive.array("classes") if len(shape) == 1 and dtype.kind == "U" else None
    if names is None or len(set(names.tolist())) != len(names):
        raise InputError(
            f"{root}: classes must be distinct names, text of shape (K,), found {dtype} of "
            f"shape {shape}"
        )
    return tuple(names.tolist())
