"""Folders of images: links, loops, what is no file, names of every kind, classes without images."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from reliability.malformed.case import Build, Case
from reliability.malformed.seed import TRAIN

DAY = "images/train/day"


def _refused(name: str, build: Build, *says: str) -> Case:
    return Case(name, TRAIN, 3, says, build)


def _taken(name: str, build: Build) -> Case:
    """Odd, and read all the same; the training's progress is on stderr."""
    return Case(name, ("train", "--config", "config.yaml"), 0, (), build, lines=None, trains=True)


def _remove(*names: str) -> Build:
    def build(project: Path) -> None:
        for name in names:
            shutil.rmtree(project / name)

    return build


def _empty(*names: str) -> Build:
    def build(project: Path) -> None:
        for name in names:
            for path in (project / name).iterdir():
                path.unlink()

    return build


def _named(name: str | bytes) -> Build:
    """One image gets another name."""

    def build(project: Path) -> None:
        folder = os.fsencode(project / DAY)
        os.rename(folder + b"/00.png", folder + b"/" + os.fsencode(name))  # noqa: PTH104

    return build


def _class_named(name: str | bytes) -> Build:
    """A class gets another name in every split."""

    def build(project: Path) -> None:
        for split in ("train", "val", "test"):
            folder = os.fsencode(project / "images" / split)
            os.rename(folder + b"/day", folder + b"/" + os.fsencode(name))  # noqa: PTH104

    return build


def _linked(target: str, name: str = f"{DAY}/link.png") -> Build:
    return lambda project: (project / name).symlink_to(target)


def _pipe(project: Path) -> None:
    os.mkfifo(project / DAY / "pipe.png")


def _socketlike(project: Path) -> None:
    (project / DAY / "folder.png").mkdir()


def _device(project: Path) -> None:
    (project / DAY / "zero.png").symlink_to("/dev/zero")


def _root_is_a_file(project: Path) -> None:
    shutil.rmtree(project / "images")
    (project / "images").write_text("not a folder")


def _root_is_a_loop(project: Path) -> None:
    shutil.rmtree(project / "images")
    (project / "images").symlink_to("images")


def _deep(project: Path) -> None:
    folder = os.fsencode(project / DAY)
    for _ in range(60):
        folder += b"/" + b"d" * 50
        os.mkdir(folder)  # noqa: PTH102
    shutil.copy(project / DAY / "00.png", os.fsdecode(folder + b"/deep.png"))


def _one_class(project: Path) -> None:
    for split in ("train", "val", "test"):
        shutil.rmtree(project / "images" / split / "day")


def _only_text(project: Path) -> None:
    for split in ("train", "val", "test"):
        for path in (project / "images" / split / "day").iterdir():
            path.rename(path.with_suffix(".txt"))


def _two_trains(project: Path) -> None:
    shutil.copytree(project / "images/train", project / "images/training")


def _one_level_one_file_a_class(project: Path) -> None:
    for split in ("train", "val", "test"):
        for index, path in enumerate(sorted((project / "images" / split).rglob("*.png"))):
            folder = project / "images" / f"{split}{index:03}"
            folder.mkdir()
            path.rename(folder / "only.png")
        shutil.rmtree(project / "images" / split)


def _case_differs(project: Path) -> None:
    shutil.copytree(project / "images/train", project / "images/Train")


CASES = (
    _refused("no folder", _remove("images"), "images", "none"),
    _refused("a file instead", _root_is_a_file, "images"),
    _refused("a loop instead", _root_is_a_loop, "images"),
    _refused("an empty folder", _remove("images/train", "images/val", "images/test"), "images"),
    _refused("no training split", _remove("images/train"), "train"),
    _refused("an empty split", _remove("images/val/day", "images/val/night"), "val"),
    _refused("a class of no images", _empty(DAY), "day"),
    _refused("a class absent from test", _remove("images/test/day"), "day"),
    _refused("one class", _one_class, "class"),
    _refused("a class of text files", _only_text, "day"),
    _refused("two folders for training", _two_trains, "training"),
    _refused("two folders for training by case", _case_differs, "Train"),
    _refused("one file a class", _one_level_one_file_a_class, "split"),
    _refused("a broken link", _linked("nowhere.png"), "link.png", "no such file"),
    _refused("a link to itself", _linked("link.png"), "link.png"),
    _refused("a link to text outside", _linked("../../../../outside/secret.txt"), "link.png"),
    _refused("a pipe", _pipe, "pipe.png", "not a file"),
    _refused("a device", _device, "zero.png", "not a file"),
    _taken("a loop of folders", _linked("..", f"{DAY}/up")),
    _taken("a folder with an image's name", _socketlike),
    _taken("a line break in a name", _named("a\nb.png")),
    _taken("invalid UTF-8 in a name", _named(b"\xff\xfe.png")),
    _taken("two hundred and fifty characters", _named("x" * 250 + ".png")),
    _taken("control characters in a name", _named("\x1b[31m\x07.png")),
    _taken("Markdown and HTML in a name", _named("](x)<b>|`$(id)`{{7}}.png")),
    _taken("right to left in a name", _named("\u202egnp.png")),
    _taken("a class of a line break", _class_named("a\nb")),
    _taken("a class of invalid UTF-8", _class_named(b"\xff\xfe")),
    _taken("a class of 250 characters", _class_named("x" * 250)),
    _taken("a class of Markdown and templates", _class_named("|**{{7*7}}**<script>`")),
    _taken("three thousand characters deep", _deep),
)
