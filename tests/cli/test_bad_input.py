"""A user's mistake gets one line that names it, the documented exit code, and no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seatrial.files import tree_files

from .conftest import CONFIG, Seatrial

TRAIN = ("train", "--config", "config.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("model: [", "not valid YAML"),
        ("model: !!python/name:os.system\n", "not valid YAML"),
        ("a: &a [x]\nb: *a\n", "aliases"),
    ],
)
def test_a_bad_configuration_is_named(
    project: Path, seatrial: Seatrial, text: str, expected: str
) -> None:
    (project / "config.yaml").write_text(text)
    result = seatrial(*TRAIN)
    assert result.code == 2
    assert "config.yaml" in result.complaint
    assert expected in result.complaint
    assert not (project / "runs").exists()


def test_a_missing_configuration_is_named(seatrial: Seatrial) -> None:
    result = seatrial("finalize", "--config", "absent.yaml")
    assert (result.code, "absent.yaml" in result.complaint) == (3, True)


def test_finalize_without_anything_says_what_to_run(seatrial: Seatrial) -> None:
    result = seatrial("finalize")
    assert result.code == 1
    assert "run the baseline phase first" in result.complaint


def test_export_only_without_a_training_says_so(images: Path, seatrial: Seatrial) -> None:
    result = seatrial("finalize", "--config", "config.yaml", "--export-only")
    assert result.code == 3
    assert "no finished training" in result.complaint


def test_an_unknown_architecture_names_the_nearest(images: Path, seatrial: Seatrial) -> None:
    result = seatrial(*TRAIN, "model.architecture=resnet19")
    assert result.code == 2
    assert "resnet18" in result.complaint
    assert not list(images.parent.glob("runs/*/data")), "the data was read before the name"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said(images: Path, seatrial: Seatrial) -> None:
    result = seatrial(*TRAIN, "training.device=cuda")
    assert result.code == 2
    assert "cuda" in result.complaint
    assert not list(images.parent.glob("runs/*/data")), "the data was read before the device"


@pytest.mark.parametrize("verb", ["gate", "document"])
def test_a_run_that_is_not_finished_is_neither_judged_nor_published(
    images: Path, seatrial: Seatrial, verb: str
) -> None:
    assert seatrial(*TRAIN, "model.architecture=resnet19").code == 2
    result = seatrial(verb)
    assert result.code == 3
    assert "not finished, it lacks data, train, evaluate" in result.complaint
    assert "seatrial finalize --resume" in result.complaint
    assert not (images.parent / "results").exists()


def _empty_class(images: Path) -> None:
    for path in (images / "train" / "day").iterdir():
        path.unlink()


def _one_class(images: Path) -> None:
    for split in ("train", "val", "test"):
        shutil.rmtree(images / split / "day")


def _class_missing_from_test(images: Path) -> None:
    shutil.rmtree(images / "test" / "day")


def _no_folder(images: Path) -> None:
    shutil.rmtree(images)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_empty_class, "day"),
        (_one_class, "class"),
        (_class_missing_from_test, "day"),
        (_no_folder, "images"),
    ],
)
def test_a_data_set_that_cannot_be_used_is_named(
    images: Path, seatrial: Seatrial, spoil: Callable[[Path], None], named: str
) -> None:
    spoil(images)
    result = seatrial(*TRAIN)
    assert result.code == 3
    assert named in result.complaint


def _truncated(path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, format="JPEG")
    path.write_bytes(path.read_bytes()[:700])


def _huge(path: Path) -> None:
    # A PNG header that promises 60,000 x 60,000 pixels.
    good = path.read_bytes()
    path.write_bytes(good[:16] + (60_000).to_bytes(4, "big") * 2 + good[24:])


@pytest.mark.parametrize(
    "spoil",
    [
        _truncated,
        _huge,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("not an image"),
    ],
)
def test_unreadable_images_above_the_share_are_counted_and_named(
    images: Path, seatrial: Seatrial, spoil: Callable[[Path], object]
) -> None:
    spoil(images / "train" / "day" / "03.png")
    result = seatrial(*TRAIN)
    assert result.code == 3
    assert "day/03.png" in result.complaint
    assert "max_unreadable_fraction" in result.complaint
    assert seatrial(*TRAIN, "data.max_unreadable_fraction=0.05").code == 0


def test_labels_out_of_range_are_refused(project: Path, seatrial: Seatrial) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 255, (40, 8, 8, 3), dtype=np.uint8)
    labels = np.array([0, 1] * 20)
    labels[3] = -1
    np.savez(project / "data.npz", images=pixels, labels=labels)
    text = CONFIG.replace("source: folder", "source: npz").replace("root: images", "root: data.npz")
    (project / "config.yaml").write_text(text)
    result = seatrial(*TRAIN)
    assert result.code == 3
    assert "-1" in result.complaint


def test_a_checkpoint_of_another_architecture_names_its_keys(
    images: Path, project: Path, seatrial: Seatrial
) -> None:
    torch.save({"fc.weight": torch.zeros(2, 3)}, project / "other.pt")
    result = seatrial("evaluate", "--config", "config.yaml", "--checkpoint", "other.pt")
    assert result.code == 3
    assert "fc.weight" in result.complaint


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut short"])
def test_a_corrupt_checkpoint_is_named(
    images: Path, project: Path, seatrial: Seatrial, content: bytes
) -> None:
    (project / "broken.pt").write_bytes(content)
    result = seatrial("evaluate", "--config", "config.yaml", "--checkpoint", "broken.pt")
    assert result.code == 3
    assert "broken.pt" in result.complaint


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("train", "--nonsense"),
        ("train",),
        ("evaluate", "--config", "config.yaml"),
        ("finalize", "--resume", "X", "--config", "config.yaml"),
        ("predict", "--model", "m.onnx"),
    ],
)
def test_bad_usage_is_exit_code_two(seatrial: Seatrial, arguments: tuple[str, ...]) -> None:
    result = seatrial(*arguments)
    assert result.code == 2
    assert result.complaint


@pytest.mark.parametrize("content", [None, b"", b"not onnx"])
def test_predict_names_a_model_it_cannot_use(
    images: Path, project: Path, seatrial: Seatrial, content: bytes | None
) -> None:
    if content is not None:
        (project / "m.onnx").write_bytes(content)
    result = seatrial("predict", "--model", "m.onnx", "--input", images)
    assert result.code == 3
    assert "m.onnx" in result.complaint


@pytest.fixture
def small_disk(project: Path) -> Iterator[Callable[[str], None]]:
    """Mounts a file system of its own over ``runs``; only root may, so others skip."""
    folder = project / "runs"
    mounted = []

    def mount(options: str) -> None:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("mounting a file system needs root")
        mounted.append(folder)

    yield mount
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(("options", "reason"), [("size=64k", "full"), ("ro", "read-only")])
def test_a_disk_that_takes_nothing_is_said(
    images: Path,
    seatrial: Seatrial,
    small_disk: Callable[[str], None],
    options: str,
    reason: str,
) -> None:
    small_disk(options)
    result = seatrial(*TRAIN)
    assert result.code == 3
    assert reason in result.complaint


def test_nothing_is_half_written_in_the_project(
    images: Path, project: Path, seatrial: Seatrial
) -> None:
    _one_class(images)
    before = set(tree_files(project))
    seatrial("finalize", "--config", "config.yaml")
    added = set(tree_files(project)) - before
    assert all(name.startswith("runs/") for name in added)


def test_an_unexpected_error_keeps_its_traceback_and_is_exit_code_five() -> None:
    code = (
        "import click\nfrom seatrial.cli.boundary import run\n"
        "@click.command()\ndef broken(): raise ZeroDivisionError('a bug')\nrun(broken)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert "Traceback" in done.stderr
    assert "a bug" in done.stderr
