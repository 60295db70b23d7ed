"""One of several training processes: ``python -m seatrial.training.worker FOLDER``, by torchrun.

An error that is a user's to mend goes to the watching process through a file; the exit code then
makes torchrun end the other processes, which may wait for this one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from seatrial import files
from seatrial.config.schema import Config
from seatrial.data import open_dataset
from seatrial.errors import ConfigurationError, InputError, SeatrialError
from seatrial.training import processes
from seatrial.training.launch import Exchange
from seatrial.training.run import train


def main(folder: Path) -> int:
    """Train what the job in ``folder`` says; the exit code."""
    exchange = Exchange(folder)
    job = files.read_json(exchange.job)
    config = Config.model_validate(job["config"])
    project = Path(job["project"])
    first = processes.rank() == 0

    def emit(event: dict[str, object]) -> None:
        if first:
            with exchange.events.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(event) + "\n")

    def stop() -> bool:
        return exchange.stop.exists() or not _is_running(int(job["watcher"]))

    try:
        dataset = open_dataset(config.data, project, config.reproducibility.seed)
        if dataset.digest != job["dataset_digest"]:
            raise InputError(
                f"data: the same images as before required (digest {job['dataset_digest']}); "
                f"found {dataset.digest}: the data changed while training began; run it again"
            )
        record = train(
            config,
            dataset,
            Path(job["output"]),
            project=project,
            carried=None if job["carried"] is None else Path(job["carried"]),
            checkpoint_every_steps=job["checkpoint_every_steps"],
            emit=emit,
            stop=stop,
        )
    except SeatrialError as error:
        problems = error.problems if isinstance(error, ConfigurationError) else (str(error),)
        if first or not exchange.outcome.exists():
            outcome = {"error": type(error).__name__, "problems": list(problems)}
            files.write_json(exchange.outcome, outcome)
        return error.exit_code
    if first:
        files.write_json(exchange.outcome, {"record": record.model_dump(mode="json")})
    return 0


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
