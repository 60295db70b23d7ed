"""Runs a command as a user would, in this process, and small projects to run it in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seatrial.cli.boundary import run
from seatrial.cli.main import command


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of an error; more than one, or a traceback, fails the test."""
        lines = [line for line in self.err.splitlines() if line.startswith("seatrial: ")]
        assert "Traceback" not in self.err, self.err
        assert len(lines) == 1, self.err
        return lines[0]


Seatrial = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def seatrial(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Seatrial:
    """Calls ``seatrial`` with arguments in the project."""

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["seatrial", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run(command)
        captured = capfd.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Result(code, captured.out, captured.err)

    return call


CONFIG = """\
model: {architecture: simple_cifar_net}
data:
  source: folder
  root: images
  image_size: 16
training: {epochs: 1, batch_size: 8, device: cpu, threads: 1, channels_last: false, compile: false}
benchmark: {repetitions: 2, processes: 1, batch_sizes: [1]}
"""


def make_images(project: Path) -> Path:
    """Two classes of distinct small images with train, val and test folders, and a configuration.

    The first class is dark and the second bright, so that they can be told apart.
    """
    generator = np.random.default_rng(0)
    for split, count in (("train", 16), ("val", 8), ("test", 8)):
        for shade, name in ((60, "night"), (180, "day")):
            folder = project / "images" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(shade - 50, shade + 50, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index:02}.png")
    (project / "config.yaml").write_text(CONFIG)
    return project / "images"


@pytest.fixture
def images(project: Path) -> Path:
    """The folder of :func:`make_images` in the current project."""
    return make_images(project)
