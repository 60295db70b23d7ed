"""Every way in which Seatrial commits something, each small enough to be broken everywhere."""

from __future__ import annotations

from .interface import CommitPath, settled
from .releases import FIRST, LARGE, NEXT
from .runs_and_steps import PIPELINE, RUN, STEP
from .single_files import APPROVAL, CHECKPOINTS, FILES, LEDGER

PATHS = (FILES, LEDGER, APPROVAL, CHECKPOINTS, STEP, RUN, PIPELINE, FIRST, NEXT)

__all__ = ["LARGE", "PATHS", "STEP", "CommitPath", "settled"]
