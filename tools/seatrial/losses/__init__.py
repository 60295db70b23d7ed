"""Loss functions: pure functions of logits and labels, by name from a table of specs."""

from __future__ import annotations

from seatrial.losses.class_weights import balanced_weights
from seatrial.losses.cross_entropy import Reduction
from seatrial.losses.table import LOSSES, Criterion, LossSpec, build

__all__ = ["LOSSES", "Criterion", "LossSpec", "Reduction", "balanced_weights", "build"]
