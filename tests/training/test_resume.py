"""An interrupted training that goes on is, bit for bit, the one that was never interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.errors import InputError
from seatrial.evidence.records import TrainRecord
from seatrial.training import Interrupted, train
from seatrial.training.checkpoints import BEST, LAST, read
from seatrial.training.state import same

EVERYTHING: dict[str, dict[str, Any]] = {
    "model": {"dropout": 0.3},
    "training": {
        "epochs": 3, "accumulate_batches": 2, "ema_decay": 0.9, "gradient_clip_norm": 1.0,
        "channels_last": True,
    },
    "data_augmentation": {
        "transforms": [
            {"random_crop": {"size": [8, 8], "padding": 1}},
            {"color_jitter": {"brightness": 0.3}},
        ]
    },
    "loss": {"label_smoothing": 0.1, "class_weights": "balanced"},
    "early_stopping": {"metric": "val_acc"},
    "checkpointing": {"save_top_k": 1, "checkpoint_every_n_epochs": 2},
}  # fmt: skip
STEPS_AN_EPOCH = 3
"""Six batches of at most 16 images, two a step."""


class Crash(Exception):
    """The process is gone, without a chance to save."""


def at_step(number: int) -> Callable[[], bool]:
    """Asks to stop after that many optimiser steps of an attempt."""
    calls = iter(range(1, 10_000))
    return lambda: next(calls) == number


def crash_at_step(number: int) -> Callable[[], bool]:
    calls = iter(range(1, 10_000))

    def stop() -> bool:
        if next(calls) == number:
            raise Crash
        return False

    return stop


def ignore(event: dict[str, object]) -> None:
    del event


def attempts(
    config: Config,
    dataset: Dataset,
    folder: Path,
    project: Path,
    stops: list[Callable[[], bool]],
    workers: int = 0,
) -> tuple[Path, TrainRecord]:
    """Train, ended by each of ``stops`` in turn and taken up again; the last output."""
    carried = None
    training = config.training.model_copy(update={"workers": workers})
    config = config.model_copy(update={"training": training})
    for number, stop in enumerate([*stops, lambda: False]):
        output = folder / str(number)
        try:
            record = train(
                config, dataset, output, project=project, carried=carried, emit=ignore,
                stop=stop, checkpoint_every_steps=2,
            )  # fmt: skip
        except (Interrupted, Crash):
            carried = output
    return output, record


def contents(output: Path) -> dict[str, dict[str, Any]]:
    """Every checkpoint by name, without what depends on the clock."""
    found = {path.name: read(path) for path in sorted((output / "checkpoints").iterdir())}
    for content in found.values():
        for epoch in content["history"]:
            del epoch["seconds"], epoch["images_per_second"]
        for name in ("seconds", "training_seconds", "resumed_at"):
            del content["progress"][name]
    return found


@pytest.fixture(scope="module", params=[("one_cycle", 0), ("plateau", 2)], ids=str)
def uninterrupted(
    request: pytest.FixtureRequest,
    dataset: Dataset,
    project: Path,
    configure: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Config, int, dict[str, dict[str, Any]]]:
    """By schedule, what training without workers gives; and how many workers the others have."""
    schedule, workers = request.param
    config = configure(**EVERYTHING, scheduler={"type": schedule, "patience": 1})
    output, record = attempts(config, dataset, tmp_path_factory.mktemp("whole"), project, [])
    assert record.resumed_at_epochs == ()
    return config, workers, contents(output)


INTERRUPTIONS = {
    "within an epoch": ([lambda: at_step(STEPS_AN_EPOCH + 1)], (2,)),
    "at the end of an epoch": ([lambda: at_step(STEPS_AN_EPOCH)], (1,)),
    "at the very first step": ([lambda: at_step(1)], (1,)),
    "at the very last step": ([lambda: at_step(3 * STEPS_AN_EPOCH)], (3,)),
    "three in a row": ([lambda: at_step(2), lambda: at_step(2), lambda: at_step(1)], (1, 2, 2)),
    "by a crash between saves": ([lambda: crash_at_step(STEPS_AN_EPOCH + 3)], (2,)),
    "by a crash before any save": ([lambda: crash_at_step(1)], ()),
}  # fmt: skip


@pytest.mark.parametrize("how", list(INTERRUPTIONS))
def test_interrupted(
    uninterrupted: tuple[Config, int, dict[str, dict[str, Any]]],
    dataset: Dataset,
    project: Path,
    tmp_path: Path,
    how: str,
) -> None:
    """Whatever ended it, and with any number of workers, every checkpoint is the same."""
    config, workers, expected = uninterrupted
    makers, epochs = INTERRUPTIONS[how]
    stops = [make() for make in makers]
    output, record = attempts(config, dataset, tmp_path, project, stops, workers)
    assert record.resumed_at_epochs == epochs
    assert record.last_resumable is True
    found = contents(output)
    assert found.keys() == expected.keys() >= {BEST, LAST, "epoch_2.pt"}
    for name, content in found.items():
        different = [key for key in content if not same(content[key], expected[name][key])]
        assert different == [], name


def test_stopping_early_after_an_interruption_stops_at_the_same_epoch(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    config = configure(
        optimizer={"learning_rate": 1e-12},
        training={"epochs": 9},
        early_stopping={"metric": "val_acc", "patience": 2},
    )
    whole = attempts(config, dataset, tmp_path / "a", project, [])[1]
    broken = attempts(config, dataset, tmp_path / "b", project, [at_step(8), at_step(8)])[1]
    assert whole.stopped == broken.stopped == "early_stopping"
    assert len(whole.epochs) == len(broken.epochs) == 3
    assert whole.best_epoch == broken.best_epoch == 1


def test_half_precision_resumes_bit_for_bit_too(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    config = configure(model={"dropout": 0.3}, training={"precision": "bf16"})
    whole = contents(attempts(config, dataset, tmp_path / "a", project, [])[0])
    broken = contents(attempts(config, dataset, tmp_path / "b", project, [at_step(8)], 1)[0])
    assert all(same(broken[name], whole[name]) for name in (BEST, LAST))


def test_a_training_that_died_after_its_last_save_is_concluded_and_not_trained_again(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    output, whole = attempts(configure(), dataset, tmp_path / "a", project, [])
    record = train(
        configure(), dataset, tmp_path / "b", project=project, carried=output, emit=ignore
    )
    assert record.epochs == whole.epochs
    assert record.last_resumable is True
    assert [c.role for c in record.checkpoints] == [c.role for c in whole.checkpoints]


def test_the_log_of_a_resumed_run_tells_all_attempts(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    output, _ = attempts(configure(), dataset, tmp_path, project, [at_step(8)])
    lines = (output / "training.log").read_text().splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "epoch 1/2", "resumed in epoch 2 after batch 2", "epoch 2/2", lines[-1],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "changed", "named"),
    [
        ("optimizer", {"learning_rate": 0.02}, "config_digest"),
        ("early_stopping", {"metric": "val_f1"}, "config_digest, monitor"),
    ],
)
def test_another_configurations_checkpoint_is_refused(
    dataset: Dataset,
    project: Path,
    configure: Any,
    tmp_path: Path,
    section: str,
    changed: dict[str, Any],
    named: str,
) -> None:
    with pytest.raises(Interrupted):
        train(
            configure(), dataset, tmp_path / "a", project=project, carried=None, emit=ignore,
            stop=at_step(1),
        )  # fmt: skip
    with pytest.raises(InputError, match=named):
        train(
            configure(**{section: changed}), dataset, tmp_path / "b", project=project,
            carried=tmp_path / "a", emit=ignore,
        )  # fmt: skip


def test_an_interruption_has_exit_code_130_and_leaves_a_loadable_checkpoint(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted) as caught:
        train(
            configure(), dataset, tmp_path, project=project, carried=None, emit=ignore,
            stop=at_step(4),
        )  # fmt: skip
    assert caught.value.exit_code == 130
    content = read(tmp_path / "checkpoints" / LAST)
    assert content["sampler"] == {"epoch": 1, "batch": 4}
    assert content["step"] == 4
    assert isinstance(content["random_states"]["torch"], torch.Tensor)
