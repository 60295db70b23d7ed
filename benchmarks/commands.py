"""Runs a command of Seatrial's as a user does, and reads how long each step took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from seatrial.evidence import runs


@dataclass(frozen=True)
class Finished:
    """A run that went through to the gate."""

    seconds: float
    """From starting the process to its end."""
    steps: dict[str, float]
    """By step, as the run's events say."""
    exit_code: int


def seatrial(*arguments: str, folder: Path, run: Path) -> Finished:
    """Run ``seatrial`` with ``arguments`` in ``folder``; ``run`` is the project it works in.

    :raises SystemExit: it ended with another code than 0 and 1, which say what the gate says.
    """
    # Libraries find their compiled files and write none of ours, as in a user's environment.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [str(Path(sys.executable).with_name("seatrial")), *arguments]
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    steps = {
        str(event["step"]): float(event["seconds"])
        for event in runs.find(run).read_events()
        if event.get("event") == "step" and event["state"] == "finished"
    }
    return Finished(seconds, steps, done.returncode)
