"""A training killed at any addressed point, and resumed, is bit for bit the uninterrupted one.

Every attempt is ``seatrial train`` in a process of its own, and every kill a SIGKILL that the
process sends itself. ``killed.json`` and the checkpoints it leaves prove where it landed: after a
checkpoint, inside an epoch. Kills on a timer would often land before the first checkpoint, where
starting again from nothing passes for resuming.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_digits

from reliability.addressed_kills import NOTES, TRACE, Ended, Kill, run
from reliability.counting import full, report
from seatrial.files import read_json
from seatrial.training.checkpoints import BEST, LAST, read
from seatrial.training.state import same

SIZES = {"train": 96, "val": 40, "test": 20}
STEPS_AN_EPOCH, EPOCHS, VALIDATION_BATCHES = 6, 3, 3

NETWORK = """
from torch import nn


def network(num_classes, width=8, dropout=0.3):
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout),
        nn.Linear(4 * width, num_classes),
    )
"""
AUGMENTATION = {
    "transforms": [
        {"random_crop": {"size": [8, 8], "padding": 1}},
        {"color_jitter": {"brightness": 0.3}},
    ]
}
RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {
        "optimizer": {"type": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
        "scheduler": {"type": "step", "step_epochs": 1, "gamma": 0.5, "warmup_epochs": 0.5},
        "data_augmentation": AUGMENTATION,
        "early_stopping": {"metric": "val_acc", "enabled": False},
        "checkpointing": {"checkpoint_every_n_epochs": 1},
    },
    "adamw, average": {
        "optimizer": {"type": "adamw", "learning_rate": 0.01},
        "scheduler": {"type": "one_cycle"},
        "training": {
            "batch_size": 8, "accumulate_batches": 2, "ema_decay": 0.9, "gradient_clip_norm": 1.0,
        },
        "data_augmentation": AUGMENTATION,
        "loss": {"label_smoothing": 0.1, "class_weights": "balanced"},
        "checkpointing": {"save_top_k": 1},
    },
    "plateau": {
        "optimizer": {"type": "rmsprop", "learning_rate": 0.005},
        "scheduler": {"type": "plateau", "patience": 1, "gamma": 0.5},
        "early_stopping": {"metric": "val_acc", "enabled": False},
    },
    "early stopping": {
        "optimizer": {"learning_rate": 1e-12},
        "training": {"epochs": 9},
        "early_stopping": {"metric": "val_acc", "patience": 2},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Stand:
    """Where a kill must land: what is on the disk, and what training is at, both in the progress
    (epoch, batches of it done) of one attempt. ``at`` is the least it can be at."""

    on_disk: tuple[int, int]
    at: tuple[int, int]
    best_is_newer: bool = False


@dataclass(frozen=True)
class Schedule:
    """Attempts, each with the signals it sends itself and where the last of them must land."""

    recipe: str
    attempts: tuple[tuple[tuple[Kill, ...], Stand], ...]
    quick: int | None = None
    """The number of workers of the quick form, where there is one."""


def step(epoch: int, batch: int, since: tuple[int, int] = (1, 0)) -> Kill:
    """At the step after ``batch`` batches of ``epoch``, by a process that began at ``since``."""
    done = (epoch - since[0]) * STEPS_AN_EPOCH + batch - since[1]
    return Kill("step", done + 1)


def last(number: int) -> Kill:
    return Kill(f"rename {LAST}", number)


# Saved, in this order: after steps 2 and 4, at the end of epoch 1, after 8 and 10, at the end of
# epoch 2, after 14 and 16, and at the end. What stands in the second recipe for a batch are the
# two batches of a step.
SCHEDULES = {
    "within an epoch": Schedule(
        "sgd", (((step(2, 3),), Stand((2, 2), (2, 3))),)
    ),
    "at the first batch after a checkpoint": Schedule(
        "adamw, average", (((step(2, 2),), Stand((2, 2), (2, 2))),)
    ),
    "during the write of a checkpoint": Schedule(
        "adamw, average", (((Kill("write", 4),), Stand((2, 0), (2, 2))),), quick=2
    ),
    "between write and rename": Schedule(
        "plateau", (((last(4),), Stand((2, 0), (2, 2))),)
    ),
    "between the two names of a checkpoint": Schedule(
        "sgd", (((last(6),), Stand((2, 4), (3, 0), best_is_newer=True)),)
    ),
    "within a validation": Schedule(
        "plateau",
        (((Kill("validation", VALIDATION_BATCHES + 2),), Stand((2, 4), (2, 6))),),
    ),
    "between a validation and its save": Schedule(
        "adamw, average", (((Kill("epoch", 2),), Stand((2, 4), (3, 0))),)
    ),
    "at the last batch of the last epoch": Schedule(
        "sgd", (((step(3, 5),), Stand((3, 4), (3, 5))),)
    ),
    "once early stopping is decided": Schedule(
        "early stopping", (((Kill("epoch", 3),), Stand((3, 4), (4, 0))),), quick=0
    ),
    "after the last save, before the results": Schedule(
        "early stopping", (((Kill("rename metrics.json", 1),), Stand((4, 0), (4, 0))),)
    ),
    "after the results, before the manifest": Schedule(
        "plateau", (((Kill("rename manifest.json", 2),), Stand((4, 0), (4, 0))),)
    ),
    "three in a row": Schedule(
        "adamw, average",
        (
            ((step(1, 3),), Stand((1, 2), (1, 3))),
            ((step(2, 1, since=(1, 2)),), Stand((2, 0), (2, 1))),
            ((step(3, 3, since=(2, 0)),), Stand((3, 2), (3, 3))),
        ),
        quick=2,
    ),
    "a resumed run before it had begun": Schedule(
        "sgd",
        (
            ((step(2, 3),), Stand((2, 2), (2, 3))),
            ((Kill("rename config.yaml", 1),), Stand((2, 2), (2, 2))),
        ),
        quick=0,
    ),
    "a resumed run that had carried over some checkpoints": Schedule(
        "sgd",
        (
            ((step(2, 3),), Stand((2, 2), (2, 3))),
            ((last(1),), Stand((2, 2), (2, 2))),
        ),
    ),
    "a resumed run before its first checkpoint": Schedule(
        "plateau",
        (
            ((step(2, 3),), Stand((2, 2), (2, 3))),
            ((last(2),), Stand((2, 2), (2, 2))),
        ),
    ),
    "SIGTERM, then SIGKILL while it saves": Schedule(
        "adamw, average",
        (
            (
                (Kill("step", 10, signal.SIGTERM), last(5)),
                Stand((2, 2), (2, 4)),
            ),
        ),
    ),
    "SIGTERM, then SIGKILL of the resumed run": Schedule(
        "plateau",
        (
            ((Kill("step", 10, signal.SIGTERM),), Stand((2, 4), (2, 4))),
            ((step(3, 1, since=(2, 4)),), Stand((3, 0), (3, 1))),
        ),
    ),
}  # fmt: skip


def make_project(
    folder: Path, recipe: str, workers: int, more: dict[str, dict[str, Any]] | None = None
) -> Path:
    """Handwritten digits, a small network of the user's own, and the configuration."""
    folder.mkdir(parents=True)
    (folder / "small.py").write_text(NETWORK)
    digits = load_digits()
    images = (digits.images * 15.9375).astype(np.uint8)
    arrays, first = {}, 0
    for split, size in SIZES.items():
        arrays[f"{split}_images"] = images[first : first + size]
        arrays[f"{split}_labels"] = digits.target[first : first + size]
        first += size
    np.savez(folder / "digits.npz", **arrays)
    config: dict[str, dict[str, Any]] = {
        "model": {"architecture": "small:network"},
        "data": {"source": "npz", "root": "digits.npz", "channels": 1},
        **RECIPES[recipe],
        **(more or {}),
    }
    config["training"] = {
        "epochs": EPOCHS, "batch_size": 16, "device": "cpu", "threads": 1, "workers": workers,
        "channels_last": False, "compile": False, "fused_optimizer": False,
        **config.get("training", {}),
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


@dataclass(frozen=True)
class Trained:
    """What a finished training left, without what depends on the clock."""

    checkpoints: dict[str, dict[str, Any]]
    record: dict[str, Any]
    metrics: dict[str, Any]
    trace: list[dict[str, Any]]


CLOCK = ("seconds", "images_per_second")


def _without_clock(content: dict[str, Any]) -> dict[str, Any]:
    for epoch in content["history"]:
        for name in CLOCK:
            del epoch[name]
    for name in ("seconds", "training_seconds", "resumed_at"):
        del content["progress"][name]
    return content


def result(project: Path) -> Trained:
    (step,) = project.glob("runs/*/train")
    record, metrics = read_json(step / "record.json"), read_json(step / "metrics.json")
    for epoch in (*record["epochs"], *metrics["epochs"]):
        for name in CLOCK:
            del epoch[name]
    for name in (*CLOCK, "resumed_at_epochs", "checkpoints"):
        del record[name]
    found = {path.name: read(path) for path in sorted((step / "checkpoints").iterdir())}
    lines = (project / TRACE).read_text().splitlines()
    return Trained(
        {name: _without_clock(content) for name, content in found.items()},
        record,
        metrics,
        [json.loads(line) for line in lines],
    )


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """By recipe: what training without workers and without interruption leaves."""

    @cache
    def of(recipe: str) -> Trained:
        project = make_project(tmp_path_factory.mktemp("whole") / "project", recipe, 0)
        assert run(project, ("train", "--config", "config.yaml")).code == 0
        return result(project)

    return of


def attempt(project: Path, kills: tuple[Kill, ...]) -> Ended:
    """The first begins the run, and every other resumes it."""
    runs = list(project.glob("runs/*-train-*"))
    resume = ("--resume", runs[0].name) if runs else ("--config", "config.yaml")
    return run(project, ("train", *resume), kills)


def newest_checkpoint(project: Path) -> Path:
    """The one that the next attempt must go on from, whichever attempt left it."""
    found = list(project.glob(f"runs/*/train*/checkpoints/{LAST}"))
    return max(found, key=lambda path: (read(path)["step"], path.parent.parent.name == "train"))


def batches(stand: tuple[int, int], recipe: str) -> tuple[int, int]:
    """(epoch, batches) of (epoch, steps)."""
    a_step = RECIPES[recipe].get("training", {}).get("accumulate_batches", 1)
    return stand[0], stand[1] * a_step


def prove(project: Path, schedule: Schedule, kills: tuple[Kill, ...], stand: Stand) -> None:
    """The kill landed after a checkpoint, which is on the disk whole, and where it should."""
    content = read(newest_checkpoint(project))
    sampler = content["sampler"]
    assert (sampler["epoch"], sampler["batch"]) == batches(stand.on_disk, schedule.recipe)
    assert content["step"] > 0
    best = newest_checkpoint(project).with_name(BEST)
    assert stand.best_is_newer == (best.exists() and read(best)["step"] > content["step"])
    if kills[-1].signal != signal.SIGKILL:
        return  # it saved and ended by itself
    notes = read_json(project / NOTES)
    assert (notes["point"], notes["number"]) == (kills[-1].point, kills[-1].number)
    if "step" in notes:  # else it had not come to training yet
        assert notes["step"] >= content["step"]
        assert (notes["epoch"], notes["batch"]) >= batches(stand.at, schedule.recipe)
        if kills[-1].point in ("step", "validation"):
            assert (notes["epoch"], notes["batch"]) == batches(stand.at, schedule.recipe)
            assert notes["batch"] > 0, "between two epochs, not inside one"


def compare(found: Trained, expected: Trained) -> None:
    """Weights, optimiser, schedule, average, random states, history, best epoch, all of it."""
    assert found.checkpoints.keys() == expected.checkpoints.keys() >= {BEST, LAST}
    for name, content in found.checkpoints.items():
        different = [k for k in content if not same(content[k], expected.checkpoints[name][k])]
        assert different == [], name
    assert found.record == expected.record
    assert found.metrics == expected.metrics
    steps = {(line["epoch"], line["batch"]): line for line in expected.trace}
    assert all(line == steps[line["epoch"], line["batch"]] for line in found.trace)
    assert {(line["epoch"], line["batch"]) for line in found.trace} == steps.keys()


CASES = [
    (name, workers)
    for name, schedule in SCHEDULES.items()
    for workers in (0, 2)
    if full() or schedule.quick == workers
]


@pytest.mark.parametrize(("name", "workers"), CASES)
def test_a_training_killed_and_resumed_is_the_uninterrupted_one(
    uninterrupted: Any, tmp_path: Path, name: str, workers: int
) -> None:
    schedule = SCHEDULES[name]
    project = make_project(tmp_path / "project", schedule.recipe, workers)
    for kills, stand in schedule.attempts:
        ended = attempt(project, kills)
        expected = -signal.SIGKILL if kills[-1].signal == signal.SIGKILL else 130
        assert ended.code == expected, ended.output
        prove(project, schedule, kills, stand)
    before = len((project / TRACE).read_text().splitlines())
    ended = attempt(project, ())
    assert ended.code == 0, ended.output
    compare(result(project), uninterrupted(schedule.recipe))
    done_again = len((project / TRACE).read_text().splitlines()) - before
    total = len(uninterrupted(schedule.recipe).trace)
    assert done_again <= total - read_step(schedule), "it went on from further back than it could"
    report(
        f"resume: killed {name}, {workers} workers",
        kills=len(schedule.attempts),
        optimiser_steps=total,
        done_by_the_last_attempt=done_again,
    )


def read_step(schedule: Schedule) -> int:
    """The optimiser step of the checkpoint that the last attempt goes on from."""
    epoch, steps = schedule.attempts[-1][1].on_disk
    return (epoch - 1) * STEPS_AN_EPOCH + steps
