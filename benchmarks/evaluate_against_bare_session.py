"""Evaluation of an ONNX export as ``seatrial verify`` does it, against a bare ONNX Runtime loop.

    python benchmarks/evaluate_against_bare_session.py [--json] [--rounds 15]

ResNet-18 at 32 px on the 2,000 test images, 64 a call. Seatrial reads uint8 pixels from the file
that verification lays out, normalises them and keeps the logits; the bare loop has the normalised
batches in memory beforehand and does nothing but run a session of its own. In one process, four
batches of each in turn, so that other load on the machine meets both alike; the ratio is that of
the medians over all turns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch

import cifar_subset
import reporting
import resnet18
from reporting import Figure
from seatrial import models, parity
from seatrial.data import Dataset, open_dataset
from seatrial.evidence.records import ExportRecord
from seatrial.export import export_all
from seatrial.machine import usable_cores
from seatrial.parity.child import RUN_BATCH, run
from seatrial.parity.runtimes import open_export
from seatrial.preprocessing import normalise
from seatrial.training import predict_logits

LEAST = 0.90
FILE = "production_model.onnx"

TURN = 4 * RUN_BATCH
"""Images before it is the other's turn."""

Turn = Callable[[int], object]
"""Evaluates the images from a position on."""


def measure(asked: argparse.Namespace) -> Sequence[Figure]:
    """Images a second of both, with one thread and with as many as there are cores."""
    images = cifar_subset.folder()
    dataset = open_dataset(resnet18.configuration(images).data, images, 0)
    torch.manual_seed(0)
    model = models.build("resnet18", len(dataset.classes), image_size=(32, 32)).eval()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record = _export(model, dataset, folder)
        pixels = _laid_out(dataset, folder / "pixels.npy")
        for threads in sorted({1, usable_cores()}):
            figures += _ratio(folder / FILE, pixels, dataset, threads, asked.rounds)
        figures.append(_whole(model, record, dataset, folder))
    return figures


def _ratio(
    path: Path, pixels: Path, dataset: Dataset, threads: int, rounds: int
) -> Sequence[Figure]:
    ours, bare = _seatrial(path, pixels, threads), _bare(path, dataset, threads)
    starts = range(0, len(dataset.split_indices("test")) - TURN + 1, TURN)
    taken: dict[Turn, list[float]] = {ours: [], bare: []}
    for number in range(rounds + 1):
        for start in starts:
            for one in (ours, bare) if number % 2 else (bare, ours):
                began = time.perf_counter()
                one(start)
                if number:  # the first round warms up
                    taken[one].append(time.perf_counter() - began)
    limit, own = (TURN / median(taken[one]) for one in (bare, ours))
    named = f"{threads} thread{'s' if threads > 1 else ''}"
    return [
        Figure(f"evaluation of ONNX, bare loop, {named}", limit, "images/s"),
        Figure(f"evaluation of ONNX, Seatrial, {named}", own, "images/s"),
        Figure(f"evaluation of ONNX, ratio, {named}", own / limit, "×", at_least=LEAST),
    ]


def _seatrial(path: Path, pixels: Path, threads: int) -> Turn:
    opened = open_export(path, "onnx", threads)
    mapped = np.load(pixels, mmap_mode="r", allow_pickle=False)
    return lambda start: run(opened, mapped[start : start + TURN], opened.metadata, RUN_BATCH)


def _bare(path: Path, dataset: Dataset, threads: int) -> Turn:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = normalise(dataset.pixels(dataset.split_indices("test")), dataset.spec)

    def turn(start: int) -> None:
        for first in range(start, start + TURN, RUN_BATCH):
            session.run(None, {"input": inputs[first : first + RUN_BATCH]})

    return turn


def _export(model: torch.nn.Module, dataset: Dataset, folder: Path) -> ExportRecord:
    return export_all(
        model,
        dataset,
        name="resnet18",
        checkpoint_sha256="0" * 64,
        formats=("onnx",),
        quantization=None,
        embed_preprocessing=False,
        threads=1,
        seed=0,
        output=folder,
        emit=lambda _event: None,
    )


def _laid_out(dataset: Dataset, path: Path) -> Path:
    np.save(path, dataset.pixels(dataset.split_indices("test")), allow_pickle=False)
    return path


def _whole(model: torch.nn.Module, record: ExportRecord, dataset: Dataset, folder: Path) -> Figure:
    """All that verifying one format takes: process, digest, loading, other batch sizes, images
    from their files, comparing."""
    test = dataset.split_indices("test")
    logits = predict_logits(model, dataset, test, batch_size=64, device="cpu")
    taken = []
    for _ in range(3):
        found = parity.verify(
            record,
            folder,
            dataset,
            reference_logits=logits,
            test_indices=test,
            bound=0.005,
            threads=1,
            output=folder / "verify",
            emit=lambda _event: None,
        )
        assert found.formats[0].passed, found.formats[0].reason
        taken.append(found.seconds)
    return Figure("verification of ONNX as a whole, 1 thread", median(taken), "s")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=15, help="passes over the images")


if __name__ == "__main__":
    sys.exit(reporting.main(__doc__, measure, _options))
