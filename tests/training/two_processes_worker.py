"""Trains every configuration of a list: ``torchrun … two_processes_worker.py LIST PROJECT``.

LIST is a JSON list of ``{"config", "output"}``. All but the last are trained in a process group
made here, since torchrun's own can be entered only once; the last one makes its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch.distributed as dist

from seatrial.config.schema import Config
from seatrial.data import Dataset, open_dataset
from seatrial.training import processes, train


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
    record = train(
        Config.model_validate(job["config"]),
        dataset,
        Path(job["output"]),
        project=project,
        carried=None,
        emit=lambda _: None,
    )
    assert record.processes == 2


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
