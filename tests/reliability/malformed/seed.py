"""The healthy project that every case spoils: a published release, its data, and an exported model.

Made once, by the program itself; a case gets a copy.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from reliability.malformed.case import Case, WarmProcess
from tiny_onnx import save_model

CONFIG = """\
model: {architecture: simple_cifar_net}
data:
  source: folder
  root: images
  image_size: 16
training: {epochs: 1, batch_size: 8, device: cpu, threads: 1, channels_last: false, compile: false}
benchmark: {repetitions: 2, processes: 1, batch_sizes: [1]}
export: {formats: [onnx], quantization: {enabled: false}}
targets: {test_acc: 0.5, min_class_f1: 0.1}
"""
TRAIN = ("train", "--config", "config.yaml")
OUTSIDE = "what nothing may print"


def make(warm: WarmProcess, sandbox: Path) -> Path:
    """Make the project in ``sandbox/project``, with a whole published release."""
    project = sandbox / "project"
    for name in ("home", "tmp", "outside", "project"):
        (sandbox / name).mkdir(parents=True)
    (sandbox / "outside" / "secret.txt").write_text(OUTSIDE)
    _make_images(project / "images")
    (project / "config.yaml").write_text(CONFIG)
    (project / "known_issues.yaml").write_text("issues: []\n")
    save_model(project / "m.onnx")
    finalize = Case("seed", ("finalize", "--config", "config.yaml"), 1)
    ending = warm.run(finalize, project, cpu_seconds=120)
    assert ending.code == 1, ending.stderr
    return project


def copy(seed: Path, sandbox: Path) -> Path:
    """A copy of the seed's sandbox; the project in it."""
    shutil.copytree(seed.parent, sandbox, symlinks=True)
    return sandbox / "project"


def _make_images(root: Path) -> None:
    """Two classes that can be told apart by their brightness, 16 × 16."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 16), ("val", 8), ("test", 8)):
        for shade, name in ((60, "night"), (180, "day")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(shade - 50, shade + 50, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index:02}.png")
