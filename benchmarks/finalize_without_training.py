"""Everything that is not training in ``seatrial finalize``, step by step.

    python benchmarks/finalize_without_training.py [--json]

ResNet-18 at 32 px on the images of ``cifar_subset``: data report, evaluation, five exports with the
search for an int8 setting, verification of each, measurement with the configured repetitions,
documents with their code run, gate, publishing. The command runs as a user starts it, in a fresh
project under git; one epoch of training is taken off, starting and ending the program is not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cifar_subset
import commands
import reporting
import resnet18
from commands import Finished
from reporting import Figure
from seatrial.config.schema import Benchmark
from seatrial.steps import ORDER

MOST_SECONDS = 90
STEPS = [name for name in ORDER if name != "train"]


def measure(_asked: argparse.Namespace) -> Sequence[Figure]:
    """Seconds of each step, and of all that is not training."""
    images = cifar_subset.folder()
    with tempfile.TemporaryDirectory(dir=cifar_subset.WORK) as name:
        project = Path(name)
        resnet18.lay_out_project(project, images)
        done = commands.seatrial("finalize", "--config", resnet18.NAME, folder=project, run=project)
    whole = done.seconds - done.steps["train"]
    return [
        Figure("`finalize` without training", whole, "s", at_most=MOST_SECONDS),
        *(Figure(f"`finalize`, {step}", done.steps[step], "s") for step in STEPS),
        Figure("`finalize`, starting, publishing, ending", _rest(done), "s"),
        Figure("`finalize`, repetitions", _repetitions()),
        Figure("`finalize`, training, one epoch (not counted)", done.steps["train"], "s"),
    ]


def _rest(done: Finished) -> float:
    return done.seconds - sum(done.steps.values())


def _repetitions() -> str:
    settings = Benchmark()
    sizes = " and ".join(str(size) for size in settings.batch_sizes)
    return (
        f"{settings.processes} processes a format (one for the two of PyTorch), up to "
        f"{settings.repetitions} calls of batch {sizes} in each, {settings.max_seconds:g} s at most"
    )


if __name__ == "__main__":
    sys.exit(reporting.main(__doc__, measure))
