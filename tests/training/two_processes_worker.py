"""Trains every configuration of a list: ``torchrun … two_processes_worker.py LIST PROJECT``.

LIST is a JSON list of ``{"config", "output"}``. With ``interrupt_at``, a number of steps, training
is interrupted after them and taken up again. All but the last are trained in a process group made
here, since torchrun's own can be entered only once; the last one makes its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch.distributed as dist

from seatrial.config.schema import Config
from seatrial.data import Dataset, open_dataset
from seatrial.evidence.records import TrainRecord
from seatrial.training import Interrupted, processes, train


def main(path: Path, project: Path) -> None:
    jobs = json.loads(path.read_text())
    dataset = open_dataset(Config.model_validate(jobs[0]["config"]).data, project, 0)
    dist.init_process_group(
        "gloo",
        init_method=path.with_name("store").as_uri(),
        rank=processes.rank(),
        world_size=processes.count(),
    )
    for job in jobs[:-1]:
        train_one(job, dataset, project)
    dist.destroy_process_group()
    train_one(jobs[-1], dataset, project)
    assert not dist.is_initialized()


def train_one(job: dict[str, Any], dataset: Dataset, project: Path) -> None:
    output, carried = Path(job["output"]), None
    if "interrupt_at" in job:
        carried = output.with_name(f"{output.name}-interrupted")
        try:
            attempt(job, dataset, project, carried, None, stop_at=job["interrupt_at"])
        except Interrupted:
            pass
        else:
            raise AssertionError("not interrupted")
    assert attempt(job, dataset, project, output, carried).processes == 2


def attempt(
    job: dict[str, Any],
    dataset: Dataset,
    project: Path,
    output: Path,
    carried: Path | None,
    *,
    stop_at: int | None = None,
) -> TrainRecord:
    """Only the second process is asked to stop: both must."""
    steps = iter(range(1, 10_000))
    return train(
        Config.model_validate(job["config"]),
        dataset,
        output,
        project=project,
        carried=carried,
        emit=lambda _: None,
        stop=lambda: next(steps) == stop_at and processes.rank() == 1,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
