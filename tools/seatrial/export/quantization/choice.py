"""Which int8 setting is published, if any."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.records import QuantizationTrial

SPEED_MARGIN = 0.10
"""Two medians of one machine closer than this count as equal; so do sizes within the next."""

SIZE_MARGIN = 0.02
_ROUNDING = 1e-12


def in_budget(trial: QuantizationTrial, max_drop: float) -> bool:
    """Whether the setting was measured and loses at most ``max_drop`` of accuracy."""
    return trial.val_acc_drop is not None and trial.val_acc_drop <= max_drop + _ROUNDING


def choose(trials: Sequence[QuantizationTrial], max_drop: float) -> int | None:
    """Position of the trial to publish; None where none is within the budget.

    Of those within the budget the fastest, within :data:`SPEED_MARGIN`; of these the smallest,
    within :data:`SIZE_MARGIN`; of these the one with the fewest flips, then the smallest loss of
    accuracy (a gain counts as no loss), then the first.
    """
    able = [n for n, trial in enumerate(trials) if in_budget(trial, max_drop)]
    if not able:
        return None
    fastest = max(_speedup(trials[n]) for n in able)
    able = [n for n in able if _speedup(trials[n]) * (1 + SPEED_MARGIN) >= fastest]
    smallest = min(_size(trials[n]) for n in able)
    able = [n for n in able if _size(trials[n]) <= smallest * (1 + SIZE_MARGIN)]
    return min(able, key=lambda n: (trials[n].flips, max(trials[n].val_acc_drop or 0.0, 0.0), n))


def _speedup(trial: QuantizationTrial) -> float:
    return trial.speedup or 0.0


def _size(trial: QuantizationTrial) -> int:
    return trial.size_bytes or 0
