"""How a run stands, read from its events, its outcome, and whether a process holds it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from pydantic import ValidationError

from seatrial.evidence.records import Record
from seatrial.evidence.runs import Run
from seatrial.finalize import read_outcome
from seatrial.publishing import cut_short

_POLL_S = 0.5
_RESUMABLE = ("train", "finalize")
_KILLED = "no process is at work on it and none said how it ended: it was killed"


class StepStatus(Record):
    """One step: started, finished, reused or kept."""

    step: str
    state: str
    seconds: float | None


class Status(Record):
    """A run as it stands now."""

    run: str
    state: Literal["running", "finished", "failed", "interrupted", "stopped"]
    """``stopped``: no process is at work on it and it left no outcome, as after a kill."""
    steps: tuple[StepStatus, ...]
    epoch: dict[str, Any] | None
    """The last epoch's event: epoch, epochs, metrics, seconds_left."""
    progress: dict[str, Any] | None
    """How far the step at work is, while a process is at work."""
    exit_code: int | None
    message: str | None
    release_cut_short: str | None
    """The run whose publication was cut short: the published files may be of two releases until
    ``seatrial finalize --resume`` of that run, or of any later one, completes it."""
    next: str | None
    """What to do next: mostly a command."""


def of(run: Run) -> Status:
    """The run as it stands now."""
    held = run.is_held()
    outcome = None if held else read_outcome(run)
    state = "running" if held else (outcome or {}).get("state", "stopped")
    steps: dict[str, StepStatus] = {}
    epoch = None
    for event in run.read_events():
        if event.get("event") == "step":
            with suppress(KeyError, ValidationError):  # a line that was damaged tells nothing
                step = StepStatus(
                    step=event["step"], state=event["state"], seconds=event.get("seconds")
                )
                steps[step.step] = step
        elif event.get("event") == "epoch" and _is_epoch(event):
            epoch = event
    return Status(
        run=run.id,
        state=state,
        steps=tuple(steps.values()),
        epoch=epoch,
        progress=run.read_progress() if held else None,
        exit_code=None if outcome is None else outcome["exit_code"],
        message=_KILLED if state == "stopped" else (outcome or {}).get("message"),
        release_cut_short=cut_short(run.project),
        next=_next(run, state),
    )


def _is_epoch(event: Mapping[str, Any]) -> bool:
    """Whether an epoch's event has what is shown of it."""
    metrics = event.get("metrics") or {}
    return (
        isinstance(event.get("epoch"), int)
        and isinstance(event.get("epochs"), int)
        and isinstance(metrics, dict)
        and all(_is_number(value) for value in metrics.values())
        and all(_is_number(event.get(key)) for key in ("images_per_second", "seconds_left"))
    )


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and math.isfinite(value))


def wait(run: Run, timeout: float | None = None) -> Status:
    """The run once it has ended, or as it stands after ``timeout`` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while (found := of(run)).state == "running":
        if deadline is not None and time.monotonic() >= deadline:
            break
        time.sleep(_POLL_S)
    return found


def _next(run: Run, state: str) -> str | None:
    if state == "running":
        return f"seatrial status {run.id} --wait"
    command = run.record().command
    if state in ("interrupted", "stopped"):
        if command in _RESUMABLE:
            return f"seatrial {command} --resume {run.id}"
        return f"run seatrial {command} again"
    if state == "finished" and run.step("gate") is not None:
        return "read final_report.md"
    return None
