"""What training gives: weights as an independent loop computes them, files, figures, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seatrial import metrics
from seatrial.data import Augmenter, Dataset, open_dataset
from seatrial.errors import ConfigurationError, TrainingError
from seatrial.evidence.records import TrainRecord
from seatrial.files import sha256_file
from seatrial.preprocessing import normalise
from seatrial.training import load_model, predict_logits, train
from seatrial.training.checkpoints import BEST, LAST, read
from seatrial.training.order import permutation, seed_batch
from seatrial.training.state import same

GROUP_NORM = {"model": {"arguments": {"norm": "group"}}}


@pytest.fixture
def trained(dataset: Dataset, project: Path, tmp_path: Path, configure: Any) -> Any:
    """Train with changes to the configuration; the record, and the last checkpoint."""
    count = iter(range(100))

    def run(**changes: Any) -> tuple[TrainRecord, dict[str, Any]]:
        output = tmp_path / str(next(count))
        record = train(
            configure(**changes), dataset, output, project=project, carried=None,
            emit=lambda _: None,
        )  # fmt: skip
        return record, read(output / "checkpoints" / LAST)

    return run


def weights(content: dict[str, Any]) -> torch.Tensor:
    parts = [content["model_state_dict"][name].flatten() for name in content["model_state_dict"]]
    return torch.cat([part.double() for part in parts])


def test_the_weights_are_those_of_a_loop_written_out(
    trained: Any, dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    """An independent reference: plain torch, mean loss, no Fabric, no accumulation."""
    changes: dict[str, Any] = {
        "model": {"dropout": 0.2},
        "optimizer": {"type": "sgd", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.9},
        "scheduler": {"type": "constant"},
        "training": {"precision": "fp64"},
        "loss": {"class_weights": "balanced", "label_smoothing": 0.1},
        "data_augmentation": {"transforms": [{"horizontal_flip": {"p": 0.5}}]},
    }
    config = configure(**changes)
    first = train(
        configure(**{**changes, "optimizer": {**changes["optimizer"], "learning_rate": 1e-300}}),
        dataset, tmp_path / "initial", project=project, carried=None, emit=lambda _: None,
    )  # fmt: skip
    initial = read(tmp_path / "initial" / first.checkpoints[1].path)["model_state_dict"]
    model = load_model(config, tmp_path / "initial/checkpoints" / LAST, num_classes=10,
                       project=project).double()  # fmt: skip
    # Running statistics moved while the weights stood still.
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
    model.load_state_dict({k: v for k, v in initial.items() if "running" not in k
                           and "tracked" not in k}, strict=False)  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    indices = dataset.split_indices("train")
    counts = np.bincount(dataset.labels(indices), minlength=10)
    class_weights = torch.tensor(90 / (10 * counts))
    augment = Augmenter(config.data_augmentation.transforms, 0)
    model.train()
    for epoch in (1, 2):
        order = indices[permutation(90, 0, epoch)]
        for batch, start in enumerate(range(0, 90, 16)):
            picked = order[start : start + 16]
            pixels = augment(dataset.pixels(picked), epoch, picked)
            seed_batch(0, epoch, batch, 0)
            logits = model(torch.from_numpy(normalise(pixels, dataset.spec)).double())
            loss = F.cross_entropy(
                logits, torch.from_numpy(dataset.labels(picked)), class_weights, label_smoothing=0.1
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    _, content = trained(**changes)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(content["model_state_dict"][name], tensor, rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(trained: Any) -> None:
    first, again, other = (
        trained(training={"epochs": 1}, reproducibility={"seed": seed})[1] for seed in (0, 0, 1)
    )
    assert same(first["model_state_dict"], again["model_state_dict"])
    assert not same(first["model_state_dict"], other["model_state_dict"])


def test_accumulated_batches_train_as_one_batch_of_their_images(trained: Any) -> None:
    """Ninety images as 5 x 16 and 10, or as twice 8 each and 8 and 2: each counts once."""
    _, whole = trained(**GROUP_NORM, training={"precision": "fp64", "batch_size": 16})
    _, parts = trained(
        **GROUP_NORM, training={"precision": "fp64", "batch_size": 8, "accumulate_batches": 2}
    )
    assert whole["step"] == parts["step"] == 12
    assert float((weights(whole) - weights(parts)).abs().max()) < 1e-11


def test_clipping_bounds_the_step(trained: Any) -> None:
    sgd = {"type": "sgd", "learning_rate": 1.0, "momentum": 0.0, "weight_decay": 0.0}
    still = {"epochs": 1, "batch_size": 90, "precision": "fp64"}
    _, before = trained(
        **GROUP_NORM, optimizer={**sgd, "learning_rate": 1e-300}, training=still,
        scheduler={"type": "constant"},
    )  # fmt: skip
    _, after = trained(
        **GROUP_NORM, optimizer=sgd, training={**still, "gradient_clip_norm": 0.125},
        scheduler={"type": "constant"},
    )  # fmt: skip
    assert float((weights(after) - weights(before)).norm()) == pytest.approx(0.125, rel=1e-4)


@pytest.mark.parametrize("average", [None, 0.9])
def test_the_best_checkpoint_evaluates_to_the_figures_it_records(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path, average: float | None
) -> None:
    config = configure(
        training={"epochs": 3, "ema_decay": average},
        validation={"metrics": ["val_acc", "val_nll", "val_mcc", "val_auc"]},
        early_stopping={"metric": "val_mcc"},
        loss={"label_smoothing": 0.1, "class_weights": [1, 2, 1, 1, 1, 1, 1, 1, 1, 1]},
    )
    record = train(config, dataset, tmp_path, project=project, carried=None, emit=lambda _: None)
    path = tmp_path / "checkpoints" / BEST
    content = read(path)
    assert content["epoch"] == record.best_epoch
    assert content["metrics"] == record.epochs[record.best_epoch - 1].metrics
    assert content["val_acc"] == content["metrics"]["val_acc"]
    assert ("raw_model_state_dict" in content) == (average is not None)
    model = load_model(config, path, num_classes=10, project=project)
    indices = dataset.split_indices("val")
    logits = predict_logits(model, dataset, indices, batch_size=16, device="cpu")
    labels = dataset.labels(indices)
    found = metrics.compute(["acc", "nll", "mcc", "auc"], logits, labels, 10)
    assert {f"val_{name}": value for name, value in found.items()} == {
        name: value for name, value in content["metrics"].items() if name != "val_loss"
    }
    expected = F.cross_entropy(
        torch.from_numpy(logits).double(),
        torch.from_numpy(labels),
        torch.tensor([1.0, 2, 1, 1, 1, 1, 1, 1, 1, 1], dtype=torch.float64),
        label_smoothing=0.1,
    )
    assert content["metrics"]["val_loss"] == pytest.approx(float(expected), abs=1e-12)


def test_a_checkpoint_holds_what_is_promised_and_is_found_by_its_digest(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    record = train(
        configure(checkpointing={"checkpoint_every_n_epochs": 2, "save_top_k": 1}),
        dataset, tmp_path, project=project, carried=None, emit=lambda _: None,
    )  # fmt: skip
    for checkpoint in record.checkpoints:
        path = tmp_path / checkpoint.path
        assert sha256_file(path) == checkpoint.sha256
        content = torch.load(path, weights_only=True)
        assert content["epoch"] == checkpoint.epoch
        assert {
            "model_state_dict", "optimizer_state_dict", "scheduler_state_dict", "val_acc",
            "metrics", "step", "sampler", "random_states", "config_digest", "classes",
            "architecture",
        } <= content.keys()  # fmt: skip
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    named = {checkpoint.path for checkpoint in record.checkpoints}
    assert written == named | {"training.log", "metrics.json", "learning_curves.png"}
    assert [epoch["epoch"] for epoch in json.loads((tmp_path / "metrics.json").read_text())[
        "epochs"]] == [1, 2]  # fmt: skip


def test_only_every_nth_epoch_and_the_last_are_validated(trained: Any) -> None:
    record, _ = trained(
        training={"epochs": 5}, validation={"validate_every_n_epochs": 2, "metrics": ["val_acc"]}
    )
    assert [bool(epoch.metrics) for epoch in record.epochs] == [False, True, False, True, True]
    assert list(record.epochs[-1].metrics) == ["val_loss", "val_acc"]


def test_half_precision_trains_weights_that_stay_float32(trained: Any) -> None:
    record, content = trained(training={"precision": "bf16", "epochs": 4})
    assert {t.dtype for t in content["model_state_dict"].values()} == {torch.float32, torch.int64}
    assert record.epochs[-1].train_loss < record.epochs[0].train_loss


def test_it_learns(trained: Any) -> None:
    record, _ = trained(training={"epochs": 12}, early_stopping={"metric": "val_acc"})
    assert record.epochs[-1].train_acc > 0.8
    assert record.best_value is not None and record.best_value > 0.6
    assert record.last_resumable is True
    assert not [found for found in record.diagnoses if found.critical]


@pytest.mark.parametrize(("at_batch", "where"), [(1, "epoch 1, batch 1"), (9, "epoch 2, batch 3")])
def test_not_a_number_names_epoch_and_batch_and_overwrites_nothing(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path, at_batch: int, where: str
) -> None:
    config = configure(
        model={"architecture": "small:breaking", "arguments": {"at_batch": at_batch}}
    )
    with pytest.raises(TrainingError, match=f"{where}: the loss is not a number"):
        train(
            config, dataset, tmp_path, project=project, carried=None, emit=lambda _: None,
            checkpoint_every_steps=1,
        )  # fmt: skip
    for path in (tmp_path / "checkpoints").iterdir():
        for tensor in read(path)["model_state_dict"].values():
            assert bool(torch.isfinite(tensor).all())


def test_running_out_of_memory_names_the_batch_size(trained: Any) -> None:
    with pytest.raises(TrainingError, match=r"training\.batch_size: training with 16 images"):
        trained(model={"architecture": "small:breaking", "arguments": {"how": "memory"}})


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(
    trained: Any, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"training\.device: cuda required"):
        trained(training={"device": "cuda"})
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_cannot_tell_epochs_apart_does_not_choose_the_best(
    tmp_path: Path, configure: Any
) -> None:
    """Top-5 accuracy of three classes is undefined in every epoch."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "three.npz", images=images, labels=np.arange(60) % 3)
    config = configure(
        model={"architecture": "simple_cifar_net", "arguments": {}},
        data={"root": "three.npz", "fractions": {"train": 0.6, "val": 0.2, "test": 0.2}},
        early_stopping={"metric": "val_top5"},
    )
    dataset = open_dataset(config.data, tmp_path, 0)
    with pytest.raises(ConfigurationError, match=r"early_stopping\.metric: .*3 classes"):
        train(
            config, dataset, tmp_path / "out", project=tmp_path, carried=None, emit=lambda _: None
        )


def test_weights_that_are_not_one_a_class_are_refused(trained: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"loss\.class_weights: 10 weights required"):
        trained(loss={"class_weights": [1.0, 2.0]})


def test_epochs_are_told_as_they_end_with_the_time_that_is_left(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    events: list[dict[str, Any]] = []
    train(
        configure(training={"epochs": 3}), dataset, tmp_path, project=project, carried=None,
        emit=events.append,
    )  # fmt: skip
    epochs = [event for event in events if event["event"] == "epoch"]
    assert [(event["epoch"], event["epochs"]) for event in epochs] == [(1, 3), (2, 3), (3, 3)]
    assert epochs[-1]["seconds_left"] == 0 < epochs[0]["seconds_left"]
    assert {"train_loss", "train_acc", "val_loss", "val_acc"} <= epochs[0]["metrics"].keys()
    json.dumps(events)
