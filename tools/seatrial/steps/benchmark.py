"""The benchmark step: latency, throughput, memory and size of every exported file."""

from __future__ import annotations

from pathlib import Path

from seatrial import benchmark
from seatrial.config import slices
from seatrial.evidence.records import Record
from seatrial.steps.interface import Context, Step


def _work(context: Context, output: Path) -> Record:
    settings, dataset = context.config.benchmark, context.dataset
    count = max(settings.batch_sizes)
    return benchmark.measure(
        context.record("export"),
        context.whole("export"),  # TorchScript and .pt2 are loaded from a manifest of ours alone
        sample_pixels=dataset.pixels(dataset.split_indices("test")[:count]),
        settings=settings,
        output=output,
        emit=context.emit,
    )


STEP = Step(
    name="benchmark",
    reads=("export/*", "data/splits.json", "data/preprocessing.json"),
    settings=slices.benchmark,
    work=_work,
    timed=True,
)
