"""Every way in which a file reaches Seatrial, each a command in a process of its own.

The process is forked from this one, which has torch loaded, so that a call takes a fraction of a
second; what it starts itself, such as the processes of verify, are fresh ones.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

from seatrial.cli.boundary import run as run_command
from seatrial.cli.main import command
from seatrial.evidence.runs import all_runs
from seatrial.files import sha256_file

CONFIG = """\
model: {architecture: simple_cifar_net}
data: {source: folder, root: images, image_size: 8}
training: {epochs: 1, batch_size: 8, device: cpu, threads: 1, channels_last: false, compile: false}
data_augmentation: {enabled: false}
export: {formats: [onnx, torchscript, torch_export], quantization: {enabled: false}}
benchmark: {repetitions: 2, processes: 1, batch_sizes: [1]}
"""


def warm() -> None:
    """Load and compute once what every fork would else load and compute anew."""
    from seatrial import steps
    from seatrial.evidence import environment

    for name in steps.ORDER:
        steps.get(name)
    for name in ("matplotlib.backends.backend_agg", "onnxruntime", "timm", "seatrial.cli.predict"):
        import_module(name)
    environment.code_digest()
    environment.packages()


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def complaints(self) -> list[str]:
        """Its lines for the user."""
        return [line for line in self.err.splitlines() if line.startswith("seatrial: ")]


def forked(work: Callable[[], object], folder: Path) -> Ended:
    """Do ``work`` in a fork with ``folder`` as the current one; a result is its exit code."""
    out, err = folder.parent / "stdout.txt", folder.parent / "stderr.txt"
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.chdir(folder)
            for path, number in ((out, 1), (err, 2)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            result = work()
            code = result if isinstance(result, int) else 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 71
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return Ended(
        os.waitstatus_to_exitcode(status),
        out.read_text(errors="replace"),
        err.read_text(errors="replace"),
        time.monotonic() - started,
    )


def seatrial(project: Path, *arguments: object) -> Ended:
    """``seatrial`` with arguments, as a user calls it in the project."""

    def work() -> None:
        sys.argv = ["seatrial", *map(str, arguments)]
        run_command(command)

    return forked(work, project)


def make_project(folder: Path) -> Path:
    """Two classes of small images, and a configuration."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6), ("test", 6)):
        for shade, name in ((60, "night"), (180, "day")):
            place = folder / "images" / split / name
            place.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(shade - 50, shade + 50, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{index:02}.png")
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def plant_attempt(project: Path, payload: Path) -> str:
    """A training that was interrupted, with the payload as its last checkpoint; the run's id."""
    from seatrial import finalize
    from seatrial.config.load import load

    path = project / "config.yaml"
    run = finalize.begin(project, "train", load(path), config_path="config.yaml")
    place = run.folder / "train" / "checkpoints"
    place.mkdir(parents=True)
    shutil.copyfile(payload, place / "final_model_last.pt")
    return run.id


def forge(project: Path, payload: Path, name: str) -> str:
    """Put the payload in place of an exported file, in the record and the manifest too. The record
    names no other file, since those would only take time."""
    run = next(
        r for r in reversed(all_runs(project)) if (r.folder / "export/manifest.json").exists()
    )
    folder = run.folder / "export"
    shutil.copyfile(payload, folder / name)
    sidecar = folder / f"{name}.json"
    if not sidecar.exists():
        shutil.copyfile(folder / "production_model.onnx.json", sidecar)
    record = json.loads((folder / "record.json").read_bytes())
    (artifact,) = (one for one in record["artifacts"] if one["path"] == name)
    size = (folder / name).stat().st_size
    record["artifacts"] = [artifact | {"sha256": sha256_file(folder / name), "size_bytes": size}]
    (folder / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"] = [
        {"path": p.name, "size_bytes": p.stat().st_size, "sha256": sha256_file(p)}
        for p in sorted(folder.iterdir())
        if p.name != "manifest.json"
    ]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return run.id


@dataclass(frozen=True)
class Door:
    """A way in: what it is called with, and how it may end."""

    name: str
    call: Callable[[Path, Path], Ended]
    """Project and payload."""
    suffixes: tuple[str, ...]
    """Of the payloads that fit through; none is every one."""
    codes: tuple[int, ...] = (3,)

    def takes(self, suffix: str) -> bool:
        """Whether a payload of this suffix goes through the door."""
        return not self.suffixes or suffix in self.suffixes


def _checkpoint(name: str) -> Door:
    def call(project: Path, payload: Path) -> Ended:
        return seatrial(project, name, "--config", "config.yaml", "--checkpoint", payload)

    weights = (".pt", ".pt2", ".safetensors", ".pkl", ".npz", ".npy")
    return Door(f"{name} --checkpoint", call, weights)


def _resume(project: Path, payload: Path) -> Ended:
    return seatrial(project, "train", "--resume", plant_attempt(project, payload))


def _data(project: Path, payload: Path) -> Ended:
    config = CONFIG.replace("source: folder, root: images", f"source: npz, root: {payload}")
    (project / "arrays.yaml").write_text(config)
    return seatrial(project, "train", "--config", "arrays.yaml")


def _config(*arguments: str) -> Door:
    def call(project: Path, payload: Path) -> Ended:
        return seatrial(project, *arguments, payload)

    return Door(" ".join(arguments), call, (".yaml",), (2,))


def _known_issues(project: Path, payload: Path) -> Ended:
    place = project / "known_issues.yaml"
    shutil.copyfile(payload, place)
    try:
        return seatrial(project, "finalize", "--config", "config.yaml")
    finally:
        place.unlink()


DOORS = (
    Door("predict", lambda p, f: seatrial(p, "predict", "--model", f, "--input", "images"), ()),
    Door("load-test", lambda p, f: seatrial(p, "load-test", "--model", f, "--num-requests", 2), ()),
    *map(_checkpoint, ("finalize", "evaluate", "export", "verify", "benchmark")),
    Door("train --resume", _resume, (".pt", ".pkl", ".safetensors", ".pt2")),
    Door("data.source: npz", _data, (".npz", ".npy", ".pkl", ".pt")),
    _config("config", "check"),
    _config("finalize", "--config"),
    _config("train", "--config"),
    Door("known_issues.yaml", _known_issues, (".yaml",), (2, 3)),
)


def _forged(name: str, codes: tuple[int, ...]) -> Door:
    def call(project: Path, payload: Path) -> Ended:
        return seatrial(project, name, forge(project, payload, f"production_model{payload.suffix}"))

    return Door(f"{name} of a forged run", call, (".pt", ".pt2", ".onnx"), codes)


FORGED = (
    _forged("verify", (1, 3)),
    _forged("benchmark", (0, 3)),  # a format that could not be measured is a line of its record
    _forged("document", (1, 3)),
    _forged("gate", (1, 3)),
)
"""A run whose record and manifest agree with the payload: it looks like one of ours."""
