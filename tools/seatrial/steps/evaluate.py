"""The evaluate step: the best checkpoint on the held-out test set, once."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from seatrial import evaluation, losses, metrics, models, training
from seatrial.config.metric_names import base_name
from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.evidence.records import DataRecord, Record, TrainRecord
from seatrial.files import sha256_file, write_bytes, write_json
from seatrial.preprocessing import convert, open_image
from seatrial.steps.interface import Context, Step
from seatrial.steps.train import BEST, as_trained
from seatrial.training.assembly import class_weights, training_counts
from seatrial.training.devices import settled

LEDGER = "results/test_ledger.jsonl"
PREDICTIONS = "predictions.npz"
SAMPLE = "sample.png"
"""A test image for the guide's code, upright and in the model's colours."""

Logits = npt.NDArray[np.float32]


def _settings(config: Config) -> object:
    parts = {"model", "loss", "test_set", "targets", "reproducibility"}
    return config.model_dump(mode="json", include=parts)


def _work(context: Context, output: Path) -> Record:
    started = time.perf_counter()
    config, dataset = context.config, context.dataset
    resolved = as_trained(context)
    trained: TrainRecord = context.record("train")
    data: DataRecord = context.record("data")
    best = context.folder("train") / BEST
    model = training.load_model(
        resolved, best, num_classes=len(dataset.classes), project=context.project
    )
    test, val = dataset.split_indices("test"), dataset.split_indices("val")
    with settled(threads=trained.threads, deterministic=config.reproducibility.deterministic):
        test_logits, val_logits, again = (
            training.predict_logits(
                model,
                dataset,
                indices,
                batch_size=config.training.batch_size,
                device=resolved.training.device,
                emit=context.emit,
            )
            for indices in (test, val, test)
        )
    weights = sha256_file(best)
    criterion = _criterion(config, dataset)
    test_digest = dataset.split_digest("test")
    record = evaluation.evaluate(
        test_logits=test_logits,
        test_labels=dataset.labels(test),
        test_ids=dataset.ids(test),
        test_loss=criterion(test_logits, dataset.labels(test)),
        val_logits=val_logits,
        val_labels=dataset.labels(val),
        val_loss=criterion(val_logits, dataset.labels(val)),
        classes=dataset.classes,
        target_acc=config.targets.test_acc,
        max_gap=config.targets.max_val_test_gap,
        train_acc=_train_accuracy(trained),
        recorded_value=trained.best_value,
        reevaluated_value=_monitored(
            trained.monitor, val_logits, dataset.labels(val), len(dataset.classes), criterion
        ),
        repeat_identical=bool(np.array_equal(test_logits, again)),
        ledger_count=evaluation.record_in_ledger(
            context.project / LEDGER,
            weights=models.weights_digest(model),
            test_set=test_digest,
            run=context.run.id,
            date=context.run.record().started,
        ),
        leaked_pairs=len(data.leakage),
        checkpoint_sha256=weights,
        test_digest=test_digest,
        seed=config.reproducibility.seed,
    )
    evaluation.write_predictions(
        output / PREDICTIONS,
        test_ids=dataset.ids(test),
        test_labels=dataset.labels(test),
        test_logits=test_logits,
        val_ids=dataset.ids(val),
        val_labels=dataset.labels(val),
        val_logits=val_logits,
    )
    plots = evaluation.draw(record, output, _image_by_id(dataset, test))
    write_json(output / "metrics.json", evaluation.metrics_json(record, config.test_set.metrics))
    _write_sample(output / SAMPLE, dataset, int(test[0]))
    seconds = time.perf_counter() - started
    return record.model_copy(update={"plots": tuple(plots), "seconds": seconds})


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
    monitor: str,
    logits: Logits,
    labels: npt.NDArray[np.int64],
    num_classes: int,
    criterion: evaluation.Criterion,
) -> float | None:
    name = base_name(monitor)
    if name == "loss":
        return criterion(logits, labels)
    return metrics.compute([name], logits, labels, num_classes)[name]


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
        "train/record.json",
        "data/splits.json",
        "data/preprocessing.json",
        "data/record.json",
    ),
    settings=_settings,
    work=_work,
    builds_model=True,
)
