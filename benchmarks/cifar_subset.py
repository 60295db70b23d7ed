"""The images of the benchmarks: a part of CIFAR-10 as folders in ``benchmarks/work``.

The first 1,000 training files of each class by name, every tenth of them validation, and the
first 200 test files: 9,000, 1,000 and 2,000 images.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from reporting import Skipped, note

WORK = Path(__file__).resolve().parent / "work"
ARCHIVE = WORK.parents[2] / "shared" / "data" / "cifar10-jpeg.tar.xz"
PER_CLASS, VALIDATE_EVERY, TEST_PER_CLASS = 1000, 10, 200


def folder(archive: Path = ARCHIVE, target: Path = WORK / "cifar") -> Path:
    """The folder with ``train``, ``val`` and ``test``, laid out now if it is not there.

    :raises Skipped: it is not there, and neither is the archive.
    """
    if target.is_dir():
        return target
    if not archive.is_file():
        raise Skipped(f"{archive.name} is required in {archive.parent}, and is not there")
    note(f"unpacking {archive.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        source, part = Path(scratch) / "source", Path(scratch) / "part"
        with tarfile.open(archive) as packed:
            packed.extractall(source, filter="data")
        lay_out(source, part)
        part.rename(target)  # last, so that a folder of that name is whole
    return target


def lay_out(source: Path, target: Path) -> None:
    """Copy the part from ``source``, with ``train`` and ``test`` folders, to ``target``."""
    for kind in sorted((source / "train").iterdir()):
        for number, path in enumerate(sorted(kind.iterdir())[:PER_CLASS]):
            split = "val" if number % VALIDATE_EVERY == VALIDATE_EVERY - 1 else "train"
            _place(path, target / split / kind.name)
    for kind in sorted((source / "test").iterdir()):
        for path in sorted(kind.iterdir())[:TEST_PER_CLASS]:
            _place(path, target / "test" / kind.name)


def _place(path: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target / path.name)
