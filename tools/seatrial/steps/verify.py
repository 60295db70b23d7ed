"""The verify step: every exported file against the model, on the whole test set."""

from __future__ import annotations

from pathlib import Path

from seatrial import evaluation, parity
from seatrial.config import slices
from seatrial.evidence.records import Record
from seatrial.steps.evaluate import PREDICTIONS
from seatrial.steps.interface import Context, Step


def _work(context: Context, output: Path) -> Record:
    config, dataset = context.config, context.dataset
    predictions = evaluation.read_predictions(context.folder("evaluate") / PREDICTIONS)
    return parity.verify(
        context.record("export"),
        context.whole("export"),  # TorchScript and .pt2 are loaded from a manifest of ours alone
        dataset,
        reference_logits=predictions.test_logits,
        test_indices=dataset.split_indices("test"),
        bound=config.export.max_accuracy_difference,
        threads=config.benchmark.threads,
        output=output,
        emit=context.emit,
    )


STEP = Step(
    name="verify",
    reads=("export/*", f"evaluate/{PREDICTIONS}", "data/splits.json", "data/preprocessing.json"),
    settings=slices.verify,
    work=_work,
)
