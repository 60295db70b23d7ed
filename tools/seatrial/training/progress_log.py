"""What training says while it runs: ``training.log``, and events for whoever watches."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from seatrial import files
from seatrial.evidence.records import Diagnosis, Epoch

Emit = Callable[[dict[str, object]], None]
_SECONDS_BETWEEN_EVENTS = 0.5


class Log:
    """Plain lines, one an epoch; goes on where an interrupted attempt's log ended."""

    def __init__(self, path: Path, carried: Path | None) -> None:
        files.make_directory(path.parent)
        if carried is not None and carried.is_file():
            files.copy_file(carried, path)
        self._path = path
        with files.disk_errors(path):
            self._stream: IO[str] = path.open("a", encoding="utf-8")

    def line(self, text: str) -> None:
        """Add one line."""
        with files.disk_errors(self._path):
            self._stream.write(text + "\n")
            self._stream.flush()

    def epoch(self, epoch: Epoch, epochs: int, *, best: bool) -> None:
        """Add an epoch's line."""
        values = {"train_loss": epoch.train_loss, "train_acc": epoch.train_acc, **epoch.metrics}
        figures = "  ".join(
            f"{name} {'undefined' if value is None else format(value, '.4f')}"
            for name, value in values.items()
        )
        self.line(
            f"epoch {epoch.epoch}/{epochs}  lr {epoch.learning_rate:.3g}  {figures}  "
            f"{epoch.images_per_second:,.0f} images/s  {epoch.seconds:.1f} s"
            f"{'  best so far' if best else ''}"
        )

    def diagnosis(self, found: Diagnosis) -> None:
        """Add what health noticed."""
        self.line(f"epoch {found.epoch}  {found.kind.replace('_', ' ')}: {found.message}")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class BatchEvents:
    """Batch events, at most twice a second."""

    def __init__(self, emit: Emit, epochs: int, batches: int) -> None:
        self._emit = emit
        self._epochs, self._batches = epochs, batches
        self._last = time.monotonic()

    def __call__(
        self, epoch: int, batch: int, loss: float, seen: int, seconds: float, left: float
    ) -> None:
        """``batch`` counts those done in ``epoch``; ``seen`` images in ``seconds``; ``left`` is
        the time to the last epoch, in seconds."""
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_EVENTS:
            return
        self._last = now
        self._emit(
            {
                "event": "batch",
                "epoch": epoch,
                "epochs": self._epochs,
                "batch": batch,
                "batches": self._batches,
                "loss": loss,
                "images_per_second": seen / max(seconds, 1e-9),
                "seconds_left": left,
            }
        )
