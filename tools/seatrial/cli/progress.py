"""Progress on stderr: a bar on a terminal, elsewhere a line an epoch."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

import click

from seatrial.cli.terminal import Printable

_BAR_WIDTH = 24
_REFRESH_S = 0.2


class Progress:
    """Prints what happens as it happens."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self._drawn = 0.0

    def __call__(self, event: Mapping[str, Any]) -> None:
        kind = event.get("event")
        if kind == "epoch":
            self._line(epoch_line(event))
        elif kind == "note":
            self._line(str(event["message"]))
        elif kind == "step" and event["state"] == "started" and self.terminal:
            self._draw(str(event["step"]))
        elif kind == "step" and event["state"] != "started":
            self.clear()
        elif self.terminal and time.monotonic() - self._drawn >= _REFRESH_S:
            self._draw(bar_line(event))

    def clear(self) -> None:
        """Take the bar away before something else is printed."""
        if self.terminal:
            self._control("\r\x1b[K")
            self.stream.flush()

    def _control(self, text: str) -> None:
        write = self.stream.control if isinstance(self.stream, Printable) else self.stream.write
        write(text)

    def _line(self, text: str) -> None:
        self.clear()
        click.echo(text, file=self.stream)

    def _draw(self, text: str) -> None:
        self._drawn = time.monotonic()
        width = shutil.get_terminal_size().columns - 1
        self._control("\r\x1b[K")
        self.stream.write(text[:width])
        self.stream.flush()


def bar_line(event: Mapping[str, Any]) -> str:
    """How far something is: a bar where there is a total, and what goes with it."""
    done, total = (
        event.get("batch", event.get("done")),
        event.get("batches", event.get("total")),
    )
    parts = [str(event.get("event"))]
    if isinstance(done, int) and isinstance(total, int) and total > 0:
        filled = round(_BAR_WIDTH * min(done / total, 1))
        parts = [f"[{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] {done}/{total}"]
    if event.get("event") == "batch":
        parts.append(f"epoch {event['epoch']}/{event['epochs']}")
        parts.append(f"loss {event['loss']:.4g}")
    return "  ".join([*parts, *_pace(event)])


def epoch_line(event: Mapping[str, Any]) -> str:
    """``epoch 3/100  train_loss 0.412  val_acc 0.912 …  812 images/s  2 min 4 s left``."""
    parts = [f"epoch {event['epoch']}/{event['epochs']}"]
    metrics: Mapping[str, Any] = event.get("metrics") or {}
    parts += [f"{name} {value:.4g}" for name, value in metrics.items() if value is not None]
    return "  ".join([*parts, *_pace(event)])


def _pace(event: Mapping[str, Any]) -> list[str]:
    parts = []
    if isinstance(rate := event.get("images_per_second"), (int, float)):
        parts.append(f"{rate:,.0f} images/s")
    if isinstance(left := event.get("seconds_left"), (int, float)):
        parts.append(f"at most {duration(left)} left")
    return parts


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 5 s``, ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
