"""The evaluate step: the best checkpoint on the held-out test set, once."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from seatrial import evaluation, losses, metrics, models, training
from seatrial.config import slices
from seatrial.config.metric_names import base_name
from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.data.dataset import Split
from seatrial.evaluation.ledger import LEDGER
from seatrial.evidence.records import DataRecord, EvaluationRecord, Record, TrainRecord
from seatrial.files import write_bytes, write_json
from seatrial.preprocessing import convert, open_image
from seatrial.publishing import RESOLVED
from seatrial.steps.interface import Context, Step
from seatrial.steps.train import BEST, as_trained
from seatrial.training.assembly import class_weights, training_counts
from seatrial.training.devices import settled

PREDICTIONS = "predictions.npz"
SAMPLE = "sample.png"
"""A test image for the guide's code, upright and in the model's colours."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Answers:
    """A model's logits for one split, with what they are judged by."""

    ids: list[str]
    labels: npt.NDArray[np.int64]
    logits: Logits


@dataclass(frozen=True)
class Measured:
    """The best checkpoint on held-out data: its record, without pictures, and its answers."""

    record: EvaluationRecord
    test: Answers
    val: Answers


def measure(context: Context, count: Callable[[str], int]) -> Measured:
    """Run the best checkpoint on the validation and test sets, on the test set twice.

    :param count: the digest of the weights → how many evaluations the test ledger counts.
    """
    config, dataset = context.config, context.dataset
    trained: TrainRecord = context.record("train")
    best = context.folder("train") / BEST
    digest = context.digest("train", BEST)
    model = training.load_model(
        as_trained(context),
        best,
        num_classes=len(dataset.classes),
        project=context.project,
        sha256=digest,
    )
    with settled(threads=trained.threads, deterministic=config.reproducibility.deterministic):
        test, val = _answers(context, model, "test"), _answers(context, model, "val")
        again = _answers(context, model, "test")
    weights = models.weights_digest(model)
    record = evaluation.evaluate(
        **_judged(config, dataset, trained, test, val),
        repeat_identical=bool(np.array_equal(test.logits, again.logits)),
        ledger_count=count(weights),
        leaked_pairs=_leaked_pairs(context.record("data")),
        checkpoint_sha256=digest,
        test_digest=dataset.split_digest("test"),
    )
    return Measured(record.model_copy(update={"weights_sha256": weights}), test, val)


def illustrate(dataset: Dataset, record: EvaluationRecord, output: Path) -> tuple[str, ...]:
    """Draw the evaluation's pictures and the sample into ``output``; the pictures' names."""
    indices = dataset.split_indices("test")
    drawn = evaluation.draw(record, output, _image_by_id(dataset, indices))
    _write_sample(output / SAMPLE, dataset, int(indices[0]))
    return drawn


def _work(context: Context, output: Path) -> Record:
    started = time.perf_counter()
    measured = measure(context, lambda weights: _enter_in_ledger(context, weights))
    record, test, val = measured.record, measured.test, measured.val
    evaluation.write_predictions(
        output / PREDICTIONS,
        test_ids=test.ids,
        test_labels=test.labels,
        test_logits=test.logits,
        val_ids=val.ids,
        val_labels=val.labels,
        val_logits=val.logits,
    )
    names = context.config.test_set.metrics
    write_json(output / "metrics.json", evaluation.metrics_json(record, names))
    plots = illustrate(context.dataset, record, output)
    seconds = time.perf_counter() - started
    return record.model_copy(update={"plots": plots, "seconds": seconds})


def _answers(context: Context, model: torch.nn.Module, split: Split) -> Answers:
    dataset = context.dataset
    indices = dataset.split_indices(split)
    logits = training.predict_logits(
        model,
        dataset,
        indices,
        batch_size=context.config.training.batch_size,
        device=as_trained(context).training.device,
        emit=context.emit,
    )
    return Answers(dataset.ids(indices), dataset.labels(indices), logits)


def _judged(
    config: Config, dataset: Dataset, trained: TrainRecord, test: Answers, val: Answers
) -> dict[str, Any]:
    """What :func:`evaluation.evaluate` is told of the answers and of what they must reach."""
    criterion = _criterion(config, dataset)
    return {
        "test_logits": test.logits,
        "test_labels": test.labels,
        "test_ids": test.ids,
        "test_loss": criterion(test.logits, test.labels),
        "val_logits": val.logits,
        "val_labels": val.labels,
        "val_loss": criterion(val.logits, val.labels),
        "classes": dataset.classes,
        "target_acc": config.targets.test_acc,
        "max_gap": config.targets.max_val_test_gap,
        "train_acc": _train_accuracy(trained),
        "recorded_value": trained.best_value,
        "reevaluated_value": _monitored(trained.monitor, val, len(dataset.classes), criterion),
        "seed": config.reproducibility.seed,
    }


def _enter_in_ledger(context: Context, weights: str) -> int:
    return evaluation.record_in_ledger(
        context.project / LEDGER,
        weights=weights,
        test_set=context.dataset.split_digest("test"),
        run=context.run.id,
        date=context.run.record().started,
    )


def _leaked_pairs(data: DataRecord) -> int:
    # The list is cut where it is long; the total is not.
    return max(len(data.leakage), data.leakage_total)


def _train_accuracy(trained: TrainRecord) -> float | None:
    """Of the epoch whose weights are evaluated."""
    return next((e.train_acc for e in trained.epochs if e.epoch == trained.best_epoch), None)


def _criterion(config: Config, dataset: Dataset) -> evaluation.Criterion:
    """The training's loss on arrays of logits and labels, as one number."""
    loss = losses.build(
        config.loss.type,
        num_classes=len(dataset.classes),
        label_smoothing=config.loss.label_smoothing,
        class_weights=class_weights(config.loss, training_counts(dataset)),
    )

    def of(logits: Logits, labels: npt.NDArray[np.int64]) -> float:
        return float(loss(torch.from_numpy(logits).double(), torch.from_numpy(labels)))

    return of


def _monitored(
    monitor: str, val: Answers, num_classes: int, criterion: evaluation.Criterion
) -> float | None:
    name = base_name(monitor)
    if name == "loss":
        return criterion(val.logits, val.labels)
    return metrics.compute([name], val.logits, val.labels, num_classes)[name]


def _image_by_id(dataset: Dataset, indices: npt.NDArray[np.int64]) -> evaluation.ImageById:
    place = dict(zip(dataset.ids(indices), indices, strict=True))

    def image(identifier: str) -> npt.NDArray[np.uint8]:
        pixels: npt.NDArray[np.uint8] = dataset.pixels(np.array([place[identifier]]))[0]
        return pixels

    return image


def _write_sample(path: Path, dataset: Dataset, index: int) -> None:
    image = convert(open_image(dataset.raw_bytes(index)), dataset.spec.channels)
    stream = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(stream, format="PNG")
    write_bytes(path, stream.getvalue())


STEP = Step(
    name="evaluate",
    reads=(
        f"train/{BEST}",
        f"train/{RESOLVED}",
        "train/record.json",
        "data/splits.json",
        "data/preprocessing.json",
        "data/record.json",
    ),
    settings=slices.evaluate,
    work=_work,
    adds_to=(LEDGER,),
    builds_model=True,
)
