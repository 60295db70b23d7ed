"""The export step: every deployment format, and the search for an int8 setting."""

from __future__ import annotations

from pathlib import Path

from seatrial import export, training
from seatrial.config import slices
from seatrial.evidence.records import Record
from seatrial.publishing import RESOLVED
from seatrial.steps.interface import Context, Step
from seatrial.steps.train import BEST, as_trained


def _work(context: Context, output: Path) -> Record:
    config, dataset = context.config, context.dataset
    best = context.folder("train") / BEST
    digest = context.digest("train", BEST)
    model = training.load_model(
        as_trained(context),
        best,
        num_classes=len(dataset.classes),
        project=context.project,
        sha256=digest,
    )
    quantized = config.export.enabled and config.export.quantization.enabled
    return export.export_all(
        model,
        dataset,
        name=slices.model_name(config),
        checkpoint_sha256=digest,
        formats=config.export.formats if config.export.enabled else (),
        quantization=config.export.quantization if quantized else None,
        embed_preprocessing=config.export.embed_preprocessing,
        threads=config.benchmark.threads,
        seed=config.reproducibility.seed,
        output=output,
        emit=context.emit,
    )


STEP = Step(
    name="export",
    reads=(f"train/{BEST}", f"train/{RESOLVED}", "data/splits.json", "data/preprocessing.json"),
    settings=slices.export,
    work=_work,
    builds_model=True,
    timed=True,
)
