"""Whether the full form of a reliability test is asked for, and the counts it reached."""

from __future__ import annotations

import os

TORTURE = "SEATRIAL_TORTURE"


def full() -> bool:
    """Whether ``make torture`` is running: every case instead of a sample of them."""
    return os.environ.get(TORTURE) == "1"


def report(what: str, **counts: int) -> None:
    """Print what was reached, a line a promise; ``pytest -s`` shows it."""
    figures = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
    print(f"\n{what}: {figures}", flush=True)  # noqa: T201
