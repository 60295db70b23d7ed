"""The steps of a release in their order. Importing one imports what it needs, so they load late."""

from __future__ import annotations

from importlib import import_module

from seatrial.steps.interface import Context, Emit, Step

ORDER = ("data", "train", "evaluate", "export", "verify", "benchmark", "document", "gate")

__all__ = ["ORDER", "Context", "Emit", "Step", "get"]


def get(name: str) -> Step:
    """The step of that name, from ``seatrial.steps.<name>``."""
    step: Step = import_module(f"seatrial.steps.{name}").STEP
    return step
