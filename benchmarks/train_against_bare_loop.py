"""Seatrial's training against a bare loop over tensors in memory, a few batches each in turn.

    python benchmarks/train_against_bare_loop.py [--json] [--epochs 3] [--threads 2]

ResNet-18 at 32 px, batch 64, AdamW fused, crop and flip, on the first 1,000 training files of each
class of CIFAR-10 by name, every tenth of them validation. After every few batches of Seatrial's
the bare loop trains as many, in the same process: other load on the machine meets both alike. The
first epoch warms up and does not count. With ``--peers`` timm's ``train.py`` (it is not in timm's
wheel: ``--timm-script``) and Ultralytics train the same, one after the other, where installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import torch
import torchvision
from torch.nn import functional as F

from seatrial.config.schema import Config
from seatrial.data import Dataset, open_dataset
from seatrial.machine import processor_name, usable_cores
from seatrial.preprocessing import normalise
from seatrial.training import resolve_auto, train

ARCHIVE = Path(__file__).resolve().parents[2] / "shared" / "data" / "cifar10-jpeg.tar.xz"
PER_CLASS, VALIDATE_EVERY, TEST_PER_CLASS = 1000, 10, 200
BATCH, PADDING = 64, 4


def lay_out(source: Path, target: Path) -> None:
    """Copy the benchmark's part of CIFAR-10 into ``train``, ``val`` and ``test``."""
    for folder in sorted((source / "train").iterdir()):
        for number, path in enumerate(sorted(folder.iterdir())[:PER_CLASS]):
            split = "val" if number % VALIDATE_EVERY == VALIDATE_EVERY - 1 else "train"
            place(path, target / split / folder.name)
    for folder in sorted((source / "test").iterdir()):
        for path in sorted(folder.iterdir())[:TEST_PER_CLASS]:
            place(path, target / "test" / folder.name)


def place(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / path.name)


def configuration(root: Path, epochs: int, threads: int) -> Config:
    return Config.model_validate(
        {
            "model": {"architecture": "resnet18"},
            "data": {"source": "folder", "root": str(root)},
            "optimizer": {"type": "adamw", "learning_rate": 1e-3},
            "scheduler": {"type": "constant"},
            "training": {
                "epochs": epochs, "batch_size": BATCH, "device": "cpu", "threads": threads,
            },
            "early_stopping": {"enabled": False},
            "data_augmentation": {
                "transforms": [{"random_crop": [32, 32]}, {"horizontal_flip": {"p": 0.5}}]
            },
        }
    )  # fmt: skip


class BareLoop:
    """The limit: everything a tensor in memory, and nothing done but training."""

    def __init__(self, dataset: Dataset) -> None:
        indices = dataset.split_indices("train")
        images = torch.from_numpy(normalise(dataset.pixels(indices), dataset.spec))
        self.padded = F.pad(images, (PADDING,) * 4)
        self.labels = torch.from_numpy(dataset.labels(indices))
        torch.manual_seed(0)
        self.model = torchvision.models.resnet18(num_classes=len(dataset.classes))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.order: list[torch.Tensor] = []
        self.seen = 0
        self.seconds = 0.0

    def train_until(self, seen: int) -> None:
        """Train batch after batch until ``seen`` images have been."""
        torch.use_deterministic_algorithms(False)
        self.model.train()
        started = time.monotonic()
        while self.seen < seen:
            self.order = self.order or list(torch.randperm(len(self.labels)).split(BATCH))
            self.step(self.order.pop())
        self.seconds += time.monotonic() - started
        torch.use_deterministic_algorithms(True)

    def step(self, picked: torch.Tensor) -> None:
        loss = F.cross_entropy(self.model(self.varied(picked)), self.labels[picked])
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.seen += len(picked)

    def varied(self, picked: torch.Tensor) -> torch.Tensor:
        """One random window and one random flip an image."""
        size = self.padded.shape[-1] - 2 * PADDING
        windows = self.padded.unfold(2, size, 1).unfold(3, size, 1)
        top, left = torch.randint(0, 2 * PADDING + 1, (2, len(picked)))
        images = windows[picked, :, top, left]
        flip = torch.rand(len(picked), 1, 1, 1) < 0.5
        return torch.where(flip, images.flip(3), images)


def compare(root: Path, epochs: int, threads: int) -> dict[str, object]:
    """Seatrial's epochs but the first, and the bare loop's, batch by batch in turn."""
    torch.set_num_threads(threads)
    config = configuration(root, epochs + 1, threads)
    dataset = open_dataset(config.data, root, 0)
    resolved = resolve_auto(config, dataset, project=root)
    bare, images = BareLoop(dataset), len(dataset.split_indices("train"))
    bare_seconds: list[float] = []

    def keep_up(event: dict[str, object]) -> None:
        """Called outside the time that training counts as its own."""
        if event["event"] not in ("batch", "epoch"):
            return
        done = min(int(str(event.get("batch", images))) * BATCH, images)
        bare.train_until((int(str(event["epoch"])) - 1) * images + done)
        if event["event"] == "epoch":
            bare_seconds.append(bare.seconds)
            bare.seconds = 0.0
            print(f"epoch {event['epoch']} of {epochs + 1}", file=sys.stderr)

    with tempfile.TemporaryDirectory() as output:
        record = train(resolved, dataset, Path(output), project=root, carried=None, emit=keep_up)
    ours = [epoch.images_per_second for epoch in record.epochs[1:]]
    limit = [images / seconds for seconds in bare_seconds[1:]]
    ratios = [a / b for a, b in zip(ours, limit, strict=True)]
    return {
        "processor": processor_name(),
        "cores": usable_cores(),
        "threads": threads,
        "load_average": os.getloadavg()[0],
        "torch": str(torch.__version__),
        "channels_last": resolved.training.channels_last,
        "images_per_second": statistics.median(ours),
        "bare_images_per_second": statistics.median(limit),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }


# ---------------------------------------------------------------- peers


def timm(root: Path, epochs: int, threads: int, script: Path | None) -> object:
    if script is None or importlib.util.find_spec("timm") is None:
        return "not installed (give timm's train.py with --timm-script)"
    command = [
        sys.executable, str(script), "--data-dir", str(root), "--train-split", "train",
        "--val-split", "val", "--model", "resnet18", "--num-classes", "10",
        "--input-size", "3", "32", "32", "--mean", "0.49", "0.48", "0.45",
        "--std", ".25", ".24", ".26", "--epochs", str(epochs), "-b", str(BATCH),
        "--opt", "adamw", "--lr", "1e-3", "--warmup-epochs", "0", "--scale", "0.6", "1.0",
        "--hflip", "0.5", "--color-jitter", "0", "--device", "cpu", "-j", "1", "--seed", "0",
    ]  # fmt: skip
    output, seconds = run(command, root, threads)
    rates = [float(rate) for rate in re.findall(r"\((\d+\.\d+)/s\)", output)]
    return {"images_per_second": rates[-1] if rates else None, "seconds": seconds}


def ultralytics(root: Path, epochs: int, threads: int) -> object:
    found = importlib.util.find_spec("ultralytics")
    program = shutil.which("yolo")
    if found is None or found.origin is None or program is None:
        return "not installed"
    shipped = next(Path(found.origin).parent.rglob("yolo11-cls-resnet18.yaml"))
    model = root / "R18.yaml"
    lines = shipped.read_text().splitlines()
    model.write_text(
        "\n".join(re.sub(r"\b\w*DEFAULT\w*\b|IMAGENET1K_V1", "None", x) for x in lines)
    )
    command = [
        program, "classify", "train", f"model={model}", f"data={root}", f"epochs={epochs}",
        "imgsz=32", f"batch={BATCH}", "device=cpu", "workers=1", "cache=ram", "seed=0",
        "pretrained=False", "auto_augment=None", "erasing=0", "optimizer=AdamW", "lr0=0.001",
        "plots=False",
    ]  # fmt: skip
    output, seconds = run(command, root, threads)
    rates = [float(rate) for rate in re.findall(r"(\d+\.\d+)it/s", output)]
    images = max(rates) * BATCH if rates else None
    return {"images_per_second": images, "seconds": seconds}


def run(command: list[str], folder: Path, threads: int) -> tuple[str, float]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
    }
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--epochs", type=int, default=3, help="epochs that count")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--data", type=Path, help="CIFAR-10 unpacked: train/ and test/ folders")
    parser.add_argument("--peers", action="store_true", help="train with timm and Ultralytics too")
    parser.add_argument("--timm-script", type=Path, help="timm's train.py")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = asked.data
        if source is None:
            source = Path(folder) / "source"
            with tarfile.open(ARCHIVE) as archive:
                archive.extractall(source, filter="data")
        root = Path(folder) / "cifar"
        lay_out(source, root)
        result = compare(root, asked.epochs, asked.threads)
        if asked.peers:
            result["timm"] = timm(root, 3, asked.threads, asked.timm_script)
            result["ultralytics"] = ultralytics(root, 3, asked.threads)
    if asked.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
