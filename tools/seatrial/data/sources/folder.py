"""Folders of classes: ``train/cat/1.jpg``, or one level, ``cat/1.jpg``, split by fractions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seatrial.data.sources.images import FileImages
from seatrial.data.sources.interface import SPLIT_ALIASES, SPLITS, UNDECLARED, Listing, Request
from seatrial.data.sources.names import groups_by_pattern, image_id, ordered, shortened
from seatrial.errors import InputError
from seatrial.files import disk_errors

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "gif", "tif", "tiff"),
        *("ppm", "pgm", "pbm", "pnm"),
    )
)
"""A file with another suffix is no image and is passed over; the listing's notes count them."""


@dataclass
class _Found:
    """What the walk has met so far."""

    root: Path
    images: list[tuple[str, Path, str, int]] = field(default_factory=list)
    """Id, path, class, split."""
    others: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def add_class(self, folder: Path, split: int) -> None:
        """Take up every image below a class folder."""
        before = len(self.images)
        for path in _files_below(folder):
            name = image_id(path.relative_to(self.root))
            if path.suffix.lower() in SUFFIXES:
                self.images.append((name, path, image_id(Path(folder.name)), split))
            elif not path.name.startswith("."):
                self.others.append(name)
        if len(self.images) == before:
            self.empty.append(image_id(folder.relative_to(self.root)))


def listing(request: Request) -> Listing:
    """Every image below ``request.root``, in the order of the ids.

    :raises InputError: no such folder, no classes, an empty class folder, no training split.
    """
    root = request.root
    if root is None or not root.is_dir():
        raise InputError(f"data.root: required a folder of images, but {root} is none")
    with disk_errors(root, "read"):
        found, notes = _walk(root)
    if found.empty:
        raise InputError(
            f"{root}: no images in the class folder {shortened(found.empty)}: "
            "add images, or remove the folder"
        )
    if found.others:
        notes.append(
            f"{len(found.others)} files without an image's suffix were passed over: "
            f"{shortened(found.others)}."
        )
    images = sorted(found.images, key=lambda row: row[0])
    classes = ordered(row[2] for row in images)
    position = {name: index for index, name in enumerate(classes)}
    ids = tuple(row[0] for row in images)
    return Listing(
        origin=str(root),
        classes=classes,
        ids=ids,
        labels=np.array([position[row[2]] for row in images], dtype=np.int64),
        declared=np.array([row[3] for row in images], dtype=np.int8),
        images=FileImages([row[1] for row in images]),
        groups=groups_by_pattern(ids, request.group_by) if request.group_by else None,
        notes=tuple(notes),
    )


def _walk(root: Path) -> tuple[_Found, list[str]]:
    found = _Found(root)
    notes: list[str] = []
    folders = _folders(root)
    splits = _split_folders(root, folders)
    if not splits:
        if not folders:
            raise InputError(f"{root}: required folders of classes or splits, found no folder")
        for folder in folders:
            found.add_class(folder, UNDECLARED)
        return found, notes
    for split, folder in splits.items():
        classes = _folders(folder)
        if not classes:
            raise InputError(f"{folder}: required a folder for each class, found no folder")
        for class_folder in classes:
            found.add_class(class_folder, split)
    ignored = [folder.name for folder in folders if folder not in splits.values()]
    if ignored:
        notes.append(f"Folders beside the splits were passed over: {shortened(ignored)}.")
    return found, notes


def _split_folders(root: Path, folders: list[Path]) -> dict[int, Path]:
    """The folders that are splits; none where the folders are classes.

    A class may be called ``train``, as in car, bus and train: then it holds images and stands
    beside other classes.
    """
    named = [folder for folder in folders if folder.name.lower() in SPLIT_ALIASES]
    if len(named) < len(folders) and not any(_folders(folder) for folder in named):
        return {}
    splits: dict[int, Path] = {}
    for folder in named:
        split = SPLIT_ALIASES[folder.name.lower()]
        if split in splits:
            raise InputError(
                f"{root}: {splits[split].name} and {folder.name} both name the {SPLITS[split]} "
                "split; keep one"
            )
        splits[split] = folder
    if splits and 0 not in splits:
        raise InputError(
            f"{root}: required a folder train or training, found "
            f"{shortened([folder.name for folder in folders])}"
        )
    return splits


def _folders(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name != "__MACOSX"
    )


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file below ``folder``, links followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        here = Path(parent).stat()
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent) / name for name in files)
