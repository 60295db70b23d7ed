"""How a run stands, read from its events, its outcome, and whether a process holds it."""

from __future__ import annotations

import time
from typing import Any, Literal

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
            steps[event["step"]] = StepStatus(
                step=event["step"], state=event["state"], seconds=event.get("seconds")
            )
        elif event.get("event") == "epoch":
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
