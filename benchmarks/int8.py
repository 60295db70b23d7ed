"""int8 against fp32: the file and the latency, from the search that ``seatrial export`` does.

    python benchmarks/int8.py [--json] [--rounds 200]

ResNet-18 at 32 px after one epoch on the images of ``cifar_subset``. The sizes are those of the two
files as published. The latencies are measured here anew, one call of each file in turn, medians;
the ratio is fp32's median by int8's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from onnxruntime import InferenceSession

import cifar_subset
import commands
import reporting
import resnet18
from reporting import Figure
from seatrial.data import Dataset, open_dataset
from seatrial.evidence import runs
from seatrial.evidence.reading import read_record
from seatrial.evidence.records import Artifact, ExportRecord
from seatrial.onnx_sessions import open_session
from seatrial.preprocessing import normalise

LEAST_SIZE_RATIO = 3.9
WARM_UP = 5
BATCHES = (1, 32)


def measure(asked: argparse.Namespace) -> Sequence[Figure]:
    """Sizes and latencies of both, and what the search found."""
    images = cifar_subset.folder()
    dataset = open_dataset(resnet18.configuration(images).data, images, 0)
    with tempfile.TemporaryDirectory(dir=cifar_subset.WORK) as name:
        project = Path(name)
        resnet18.lay_out_project(project, images)
        arguments = ("--config", resnet18.NAME, "--output-dir", "trained")
        commands.seatrial("train", *arguments, folder=project, run=project)
        checkpoint = "trained/final_model_best.pt"
        arguments = ("--config", resnet18.NAME, "--checkpoint", checkpoint)
        done = commands.seatrial("export", *arguments, folder=project, run=project)
        place = runs.find(project).step("export")
        assert place is not None
        record = read_record(place.folder, ExportRecord)
        return [
            *_sizes(_artifact(record, "onnx"), _artifact(record, "onnx_int8")),
            *_accuracy(record),
            *_latencies(place.folder, record, dataset, asked.rounds),
            Figure(
                "the whole export with its search for an int8 setting", done.steps["export"], "s"
            ),
        ]


def _artifact(record: ExportRecord, kind: str) -> Artifact:
    found = next(one for one in record.artifacts if one.format == kind)
    if found.path is None:
        raise SystemExit(f"{kind} was not exported: {found.reason}")
    return found


def _sizes(fp32: Artifact, int8: Artifact) -> Sequence[Figure]:
    assert fp32.size_bytes and int8.size_bytes
    ratio = fp32.size_bytes / int8.size_bytes
    return [
        Figure("size of fp32 ONNX", fp32.size_bytes / 1e6, "MB"),
        Figure("size of int8 ONNX", int8.size_bytes / 1e6, "MB"),
        Figure("size, fp32 by int8", ratio, "×", at_least=LEAST_SIZE_RATIO),
    ]


def _accuracy(record: ExportRecord) -> Sequence[Figure]:
    chosen = next(trial for trial in record.trials if trial.chosen)
    assert chosen.val_acc_drop is not None
    measured = sum(trial.val_acc is not None for trial in record.trials)
    drop = Figure("validation accuracy that int8 loses", chosen.val_acc_drop * 100, "points")
    return [drop, Figure("int8 settings measured", measured)]


def _latencies(
    folder: Path, record: ExportRecord, dataset: Dataset, rounds: int
) -> Sequence[Figure]:
    paths = [folder / str(_artifact(record, kind).path) for kind in ("onnx", "onnx_int8")]
    sessions = [open_session(path) for path in paths]
    pixels = dataset.pixels(dataset.split_indices("test")[: max(BATCHES)])
    inputs = normalise(pixels, dataset.spec)
    figures = []
    for batch in BATCHES:
        fp32, int8 = _medians_ms(sessions, np.ascontiguousarray(inputs[:batch]), rounds)
        figures += [
            Figure(f"latency of fp32, batch {batch}, 1 thread", fp32, "ms"),
            Figure(f"latency of int8, batch {batch}, 1 thread", int8, "ms"),
            Figure(f"latency, fp32 by int8, batch {batch}", fp32 / int8, "×"),
        ]
    return figures


def _medians_ms(
    sessions: Sequence[InferenceSession], inputs: np.ndarray, rounds: int
) -> list[float]:
    taken: list[list[float]] = [[] for _ in sessions]
    for number in range(WARM_UP + rounds):
        for session, calls in zip(sessions, taken, strict=True):
            started = time.perf_counter()
            session.run(None, {"input": inputs})
            if number >= WARM_UP:
                calls.append((time.perf_counter() - started) * 1e3)
    return [median(calls) for calls in taken]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=200, help="calls of each file and batch size")


if __name__ == "__main__":
    sys.exit(reporting.main(__doc__, measure, _options))
