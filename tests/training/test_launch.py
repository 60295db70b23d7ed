"""What passes between the watching process and the training ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seatrial import files
from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.errors import ConfigurationError, InputError, SeatrialError, TrainingError
from seatrial.evidence.records import TrainRecord
from seatrial.training.interruption import Interrupted
from seatrial.training.launch import Exchange, outcome
from seatrial.training.worker import main


@pytest.fixture
def run_worker(dataset: Dataset, project: Path, tmp_path: Path) -> Any:
    """Run one worker alone, in this process; what the watching process then gets."""

    def run(config: Config, digest: str = dataset.digest, watcher: int = 0) -> TrainRecord:
        exchange = Exchange(tmp_path)
        job = {
            "config": config.model_dump(mode="json"), "dataset_digest": digest,
            "output": str(tmp_path / "output"), "project": str(project), "carried": None,
            "checkpoint_every_steps": None, "watcher": watcher or os.getpid(),
        }  # fmt: skip
        files.write_json(exchange.job, job)
        main(tmp_path)
        return outcome(exchange, 0)

    return run


def test_a_worker_hands_over_its_record_and_its_events(
    run_worker: Any, configure: Any, tmp_path: Path
) -> None:
    record = run_worker(configure())
    assert [epoch.epoch for epoch in record.epochs] == [1, 2]
    assert Exchange(tmp_path).events.read_text().count('"event": "epoch"') == 2


def test_a_failed_training_is_raised_where_it_was_started(run_worker: Any, configure: Any) -> None:
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d+: the loss is"):
        run_worker(configure(optimizer={"learning_rate": 1e30}))


def test_data_that_changed_in_between_is_named(run_worker: Any, configure: Any) -> None:
    with pytest.raises(InputError, match="the data changed"):
        run_worker(configure(), digest="0" * 64)


def test_workers_stop_when_the_process_that_watches_is_gone(
    run_worker: Any, configure: Any, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        run_worker(configure(), watcher=2**22 + 1)
    assert (tmp_path / "output/checkpoints/final_model_last.pt").is_file()


@pytest.mark.parametrize("kind", [ConfigurationError, InputError, TrainingError, Interrupted])
def test_every_kind_of_error_comes_back_as_itself(
    kind: type[SeatrialError], tmp_path: Path
) -> None:
    exchange = Exchange(tmp_path)
    files.write_json(exchange.outcome, {"error": kind.__name__, "problems": ["one line"]})
    with pytest.raises(kind, match="one line") as caught:
        outcome(exchange, 0)
    assert type(caught.value) is kind


def test_a_process_that_the_system_killed_points_at_the_batch_size(tmp_path: Path) -> None:
    Exchange(tmp_path).log.write_text("  traceback : Signal 9 (SIGKILL) received by PID 71\n")
    with pytest.raises(TrainingError, match=r"training\.batch_size: the system killed"):
        outcome(Exchange(tmp_path), 1)


def test_processes_that_end_without_a_word_are_a_bug_with_their_last_output(
    tmp_path: Path,
) -> None:
    Exchange(tmp_path).log.write_text("Segmentation fault\n")
    with pytest.raises(RuntimeError, match=r"exit code -11(.|\n)*Segmentation fault"):
        outcome(Exchange(tmp_path), -11)
