"""Seatrial's training against a bare loop over tensors in memory, a few batches each in turn.

    python benchmarks/train_against_bare_loop.py [--json] [--epochs 3] [--threads 2]

ResNet-18 at 32 px, batch 64, AdamW fused, crop and flip, on the images of ``cifar_subset``. After
every few batches of Seatrial's the bare loop trains as many, in a process of its own that sleeps
meanwhile: other load on the machine meets both alike, and neither slows the other. The first epoch
warms up and does not count. timm's ``train.py`` and Ultralytics then train the same, one after the
other, where they are installed. The script is in
timm's repository but not in its wheel, so it is named, or lies in ``work/timm_train.py``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch
import torchvision
from torch.nn import functional as F

import cifar_subset
import reporting
import resnet18
from reporting import Figure
from seatrial.config.load import check
from seatrial.data import Dataset, open_dataset
from seatrial.machine import usable_cores
from seatrial.preprocessing import normalise
from seatrial.training import resolve_auto, train

LEAST = 0.95
BATCH, PADDING = 64, 4
PEER_EPOCHS = 3


def measure(asked: argparse.Namespace) -> Sequence[Figure]:
    """Images a second of both, and of the peers where they are asked for."""
    images = cifar_subset.folder()
    figures = compare(images, asked.epochs, asked.threads)
    bare = figures[0].value
    assert isinstance(bare, float)
    with tempfile.TemporaryDirectory() as name:
        copied = Path(name) / "images"  # Ultralytics writes beside them
        shutil.copytree(images, copied)
        peers = {
            "timm's train.py": timm(copied, asked.threads, asked.timm_script),
            "Ultralytics": ultralytics(copied, asked.threads, asked.yolo),
        }
    for name, found in peers.items():
        if isinstance(found, str):
            figures.append(Figure(f"training, {name}", found))
        else:
            figures.append(Figure(f"training, {name}", found, "images/s"))
            figures.append(Figure(f"training, {name}, ratio", found / bare, "×"))
    return figures


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

    def train(self, images: int) -> float:
        """The seconds that at least ``images`` images take, in whole batches."""
        self.model.train()
        started, until = time.monotonic(), self.seen + images
        while self.seen < until:
            self.order = self.order or list(torch.split(torch.randperm(len(self.labels)), BATCH))
            self.step(self.order.pop())
        return time.monotonic() - started

    def step(self, picked: torch.Tensor) -> None:
        loss = F.cross_entropy(self.model(self.varied(picked)), self.labels[picked])
        loss.backward()  # type: ignore[no-untyped-call]
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


def serve(threads: int) -> None:
    """The bare loop's process: a number of images a line in, the seconds they took a line out."""
    torch.set_num_threads(threads)
    root = cifar_subset.folder()
    loop = BareLoop(open_dataset(resnet18.configuration(root).data, root, 0))
    print("ready", flush=True)
    for line in sys.stdin:
        print(loop.train(int(line)), flush=True)


@contextmanager
def bare_loop(threads: int) -> Iterator[Callable[[int], float]]:
    """A bare loop in another process: images to train → the seconds they took."""
    command = [sys.executable, __file__, "--serve", "--threads", str(threads)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        asking, answers = process.stdin, process.stdout
        assert asking is not None and answers is not None
        assert answers.readline() == "ready\n", "the bare loop's process has ended"

        def train_bare(images: int) -> float:
            print(images, file=asking, flush=True)
            return float(answers.readline())

        yield train_bare
        asking.close()


def compare(root: Path, epochs: int, threads: int) -> list[Figure]:
    """Seatrial's epochs but the first, and the bare loop's, a few batches each in turn."""
    torch.set_num_threads(threads)
    settings = resnet18.settings(root)
    settings["training"] |= {"epochs": epochs + 1, "threads": threads}
    settings |= {"scheduler": {"type": "constant"}, "early_stopping": {"enabled": False}}
    config = check(settings, resnet18.NAME)
    dataset = open_dataset(config.data, root, 0)
    resolved = resolve_auto(config, dataset, project=root)
    images = len(dataset.split_indices("train"))
    bare_seconds, done = [0.0], 0

    def keep_up(event: dict[str, object]) -> None:
        """Called outside the time that training counts as its own."""
        nonlocal done
        if event["event"] not in ("batch", "epoch"):
            return
        now = min(int(str(event.get("batch", images))) * BATCH, images)
        if now > done:
            bare_seconds[-1] += train_bare(now - done)
        done = now
        if event["event"] == "epoch":
            reporting.note(f"epoch {event['epoch']} of {epochs + 1}")
            bare_seconds.append(0.0)
            done = 0

    with tempfile.TemporaryDirectory() as output, bare_loop(threads) as train_bare:
        record = train(resolved, dataset, Path(output), project=root, carried=None, emit=keep_up)
    ours = [epoch.images_per_second for epoch in record.epochs[1:]]
    limit = [images / seconds for seconds in bare_seconds[1:-1]]
    ratios = [a / b for a, b in zip(ours, limit, strict=True)]
    named = f"{threads} thread{'s' if threads > 1 else ''}"
    return [
        Figure(f"training, bare loop, {named}", median(limit), "images/s"),
        Figure(f"training, Seatrial, {named}", median(ours), "images/s"),
        Figure(f"training, ratio, {named}", median(ratios), "×", at_least=LEAST),
        Figure(
            "training, ratio, lowest and highest epoch", f"{min(ratios):.3f}, {max(ratios):.3f}"
        ),
        Figure("training, memory format", _memory_format(resolved.training.channels_last)),
    ]


def _memory_format(channels_last: object) -> str:
    return "channels last, chosen by measuring" if channels_last is True else "channels first"


# ---------------------------------------------------------------- peers


def timm(root: Path, threads: int, script: Path) -> float | str:
    """Images a second as timm's script says, or why there are none."""
    if importlib.util.find_spec("timm") is None or not script.is_file():
        return "not run: timm and its repository's train.py are required"
    command = [
        sys.executable, str(script), "--data-dir", str(root), "--train-split", "train",
        "--val-split", "val", "--model", "resnet18", "--num-classes", "10",
        "--input-size", "3", "32", "32", "--mean", "0.49", "0.48", "0.45",
        "--std", ".25", ".24", ".26", "--epochs", str(PEER_EPOCHS), "-b", str(BATCH),
        "--opt", "adamw", "--lr", "1e-3", "--warmup-epochs", "0", "--scale", "0.6", "1.0",
        "--hflip", "0.5", "--color-jitter", "0", "--device", "cpu", "-j", "1", "--seed", "0",
    ]  # fmt: skip
    rates = re.findall(r"\((\d+\.\d+)/s\)", run(command, threads))
    return float(rates[-1]) if rates else "ran, and named no rate"


def ultralytics(root: Path, threads: int, program: str | None) -> float | str:
    """Images a second as its progress bars say, or why there are none."""
    if program is None:
        return "not run: ultralytics is not installed"
    where = "import ultralytics; print(ultralytics.__path__[0])"
    package = run([str(Path(program).with_name("python")), "-c", where], threads).split("\n")
    shipped = next(Path(next(filter(os.path.isdir, package))).rglob("yolo11-cls-resnet18.yaml"))
    text = re.sub(r"\b\w*DEFAULT\w*\b|IMAGENET1K_V1", "None", shipped.read_text())
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as model:
        model.write(text)
        model.flush()
        command = [
            program, "classify", "train", f"model={model.name}", f"data={root}",
            f"epochs={PEER_EPOCHS}", "imgsz=32", f"batch={BATCH}", "device=cpu", "workers=1",
            "cache=ram", "seed=0", "pretrained=False", "auto_augment=None", "erasing=0",
            "optimizer=AdamW", "lr0=0.001", "plots=False",
        ]  # fmt: skip
        output = run(command, threads)
    # The end of an epoch's bar: "141/141 4.3it/s 33.0s"; validation has fewer batches.
    ends = re.findall(r"\b(\d+)/\1 [\d.]+it/s ([\d.]+)s", output)
    most = max((int(batches) for batches, _ in ends), default=0)
    rates = [most * BATCH / float(took) for batches, took in ends if int(batches) == most]
    return median(rates) if rates else "ran, and named no rate"


def run(command: list[str], threads: int) -> str:
    """What a command printed, run in a folder of its own."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
    }
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--epochs", type=int, default=3, help="epochs that count")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument(
        "--timm-script", type=Path, default=cifar_subset.WORK / "timm_train.py", help="its train.py"
    )
    parser.add_argument("--yolo", default=shutil.which("yolo"), help="the program of Ultralytics")


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve(int(sys.argv[-1]))
        sys.exit()
    sys.exit(reporting.main(__doc__, measure, _options))
