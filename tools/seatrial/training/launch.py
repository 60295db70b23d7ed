"""Several training processes on this machine, started and watched from here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial import errors, files
from seatrial.config.schema import Config
from seatrial.evidence.records import TrainRecord
from seatrial.training.interruption import Interrupted
from seatrial.training.progress_log import Emit

_SECONDS_BETWEEN_LOOKS = 0.05
_LOG_LINES_OF_A_BUG = 40


@dataclass(frozen=True)
class Exchange:
    """The files through which the watching process and the training ones speak."""

    folder: Path

    @property
    def job(self) -> Path:
        """What to train, as JSON: written once, by the watching process."""
        return self.folder / "job.json"

    @property
    def events(self) -> Path:
        """Events of the first training process, one JSON document a line."""
        return self.folder / "events.jsonl"

    @property
    def stop(self) -> Path:
        """Exists once the training processes are to stop."""
        return self.folder / "stop"

    @property
    def outcome(self) -> Path:
        """The record, or the error, of the training; written last."""
        return self.folder / "outcome.json"

    @property
    def log(self) -> Path:
        """Standard output and error of the training processes."""
        return self.folder / "log"


def train_in_processes(
    config: Config,
    *,
    dataset_digest: str,
    output: Path,
    project: Path,
    carried: Path | None,
    checkpoint_every_steps: int | None,
    emit: Emit,
    stop: Callable[[], bool],
) -> TrainRecord:
    """Run ``training.devices`` processes of :mod:`seatrial.training.worker` to their end.

    They are a session of their own: a terminal's ctrl-C reaches this process alone, whose
    ``stop`` then lets them save and end. They also stop when this process is gone.

    :raises SeatrialError: what the training raised.
    """
    with tempfile.TemporaryDirectory(prefix="seatrial-") as folder:
        exchange = Exchange(Path(folder))
        job = {
            "config": config.model_dump(mode="json"),
            "dataset_digest": dataset_digest,
            "output": str(output.resolve()),
            "project": str(project.resolve()),
            "carried": None if carried is None else str(carried.resolve()),
            "checkpoint_every_steps": checkpoint_every_steps,
            "watcher": os.getpid(),
        }
        files.write_json(exchange.job, job)
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone",
            f"--nproc-per-node={config.training.devices}", "--max-restarts=0",
            "-m", "seatrial.training.worker", str(exchange.folder),
        ]  # fmt: skip
        with exchange.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A folder of the project's, such as onnx/, is no library of that name.
                env={**os.environ, "PYTHONSAFEPATH": "1"},
            )
            try:
                _watch(process, exchange, emit, stop)
            finally:
                exchange.stop.touch()
                process.wait()
        return outcome(exchange, process.returncode)


def _watch(
    process: subprocess.Popen[bytes], exchange: Exchange, emit: Emit, stop: Callable[[], bool]
) -> None:
    read = 0
    running = True
    while running:
        running = process.poll() is None
        if running and not exchange.stop.exists() and stop():
            exchange.stop.touch()
        if exchange.events.exists():
            with exchange.events.open("rb") as stream:
                stream.seek(read)
                whole, newline, _ = stream.read().rpartition(b"\n")
            read += len(whole) + len(newline)
            for line in whole.splitlines():
                emit(json.loads(line))
        if running:
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def outcome(exchange: Exchange, returncode: int) -> TrainRecord:
    """What the training processes, now ended, came to.

    :raises SeatrialError: what they raised, as itself; a kill by the system as a TrainingError.
    :raises RuntimeError: they left no result, which is a bug; their last output is in it.
    """
    if not exchange.outcome.is_file():
        tail = exchange.log.read_text(errors="replace").splitlines()[-_LOG_LINES_OF_A_BUG:]
        if any("SIGKILL" in line for line in tail):
            raise errors.TrainingError(
                "training.batch_size: the system killed a training process, most often because "
                "memory ran out; halve it and double training.accumulate_batches"
            )
        raise RuntimeError(
            f"the training processes ended with exit code {returncode} and no result:\n"
            + "\n".join(tail)
        )
    told: dict[str, Any] = files.read_json(exchange.outcome)
    if "record" in told:
        return TrainRecord.model_validate(told["record"])
    kinds: dict[str, type[errors.SeatrialError]] = {
        kind.__name__: kind
        for kind in (
            errors.ConfigurationError,
            errors.InputError,
            errors.TrainingError,
            errors.Refused,
            Interrupted,
        )
    }
    raise kinds[told["error"]](*told["problems"])
