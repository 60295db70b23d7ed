"""Under ``torchrun`` every process runs the same command; all but the first follow it from here.

The first makes the run and says, through torchrun's own key-value store, what it is about to
train; the others train with it. They write nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist

from seatrial.config.load import check
from seatrial.config.schema import Config
from seatrial.data import open_dataset
from seatrial.errors import ConfigurationError
from seatrial.training import processes
from seatrial.training.run import train

_KEY = "seatrial/work"
_PATIENCE = timedelta(days=7)
"""The first may read and describe data for long before it trains."""


def lead(config: Config, output: Path, *, carried: Path | None) -> None:
    """Tell the other processes, where there are any, what is trained now; the first calls it."""
    if processes.count() > 1:
        work = {
            "config": config.model_dump(mode="json"),
            "output": str(output.resolve()),
            "carried": None if carried is None else str(carried.resolve()),
        }
        _store().set(_KEY, json.dumps(work))


def dismiss() -> None:
    """Tell the other processes that nothing is trained, unless they were told what is."""
    if processes.count() > 1:
        _store().compare_set(_KEY, "", json.dumps(None))


def follow(project: Path, stop: Callable[[], bool]) -> None:
    """Train with the first process, in one that is not the first."""
    work: dict[str, Any] | None = json.loads(_store().get(_KEY))
    if work is None:
        return
    config = check(work["config"], "the first process's configuration")
    dataset = open_dataset(config.data, project, config.reproducibility.seed)
    train(
        config,
        dataset,
        Path(work["output"]),
        project=project,
        carried=None if work["carried"] is None else Path(work["carried"]),
        emit=lambda _: None,
        stop=stop,
    )


def _store() -> Any:
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        raise ConfigurationError(
            "several processes: start them with torchrun, or set training.devices"
        )
    return dist.TCPStore(  # type: ignore[attr-defined]
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        timeout=_PATIENCE,
    )
