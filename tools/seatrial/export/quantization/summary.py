"""The search in one or two sentences."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.records import QuantizationTrial
from seatrial.export.quantization.choice import SPEED_MARGIN
from seatrial.export.quantization.settings import Setting

NOT_ASKED = "int8 was not asked for."


def summarise(
    trials: Sequence[QuantizationTrial], fp32_val_acc: float, n_search: int, max_drop: float
) -> str:
    """What was chosen and what it costs and brings, or why nothing is published."""
    measured = [trial for trial in trials if trial.val_acc_drop is not None]
    chosen = next((trial for trial in trials if trial.chosen), None)
    if chosen is not None:
        return _chosen(chosen, len(measured), fp32_val_acc, n_search)
    if not measured:
        reason = next((trial.error for trial in trials if trial.error), "nothing was tried")
        return f"None of {len(trials)} int8 settings could be measured, so no int8 file is" + (
            f" published: {reason}."
        )
    best = min(measured, key=lambda trial: (trial.val_acc_drop, trial.flips))
    return (
        f"None of {len(measured)} int8 settings measured on {n_search} validation images kept"
        f" accuracy within {_points(max_drop)} of fp32 ({_percent(fp32_val_acc)}), so no int8 file"
        f" is published. The best lost {_points(best.val_acc_drop or 0.0)}"
        f" ({_setting(best)})."
    )


def _chosen(trial: QuantizationTrial, n_measured: int, fp32_val_acc: float, n_search: int) -> str:
    decisions = "decision differs" if trial.flips == 1 else "decisions differ"
    return (
        f"int8 with {_setting(trial)} was chosen among {n_measured} settings measured on"
        f" {n_search} validation images: accuracy {_percent(trial.val_acc or 0.0)} against"
        f" {_percent(fp32_val_acc)} in fp32, {trial.flips} {decisions}."
        f" {_speed(trial.speedup or 0.0)}"
    )


def _speed(speedup: float) -> str:
    if speedup < 1 / (1 + SPEED_MARGIN):
        return (
            f"On this machine it is slower than fp32: {1 / speedup:.2f} times the latency at"
            " batch 1."
        )
    if speedup <= 1 + SPEED_MARGIN:
        return (
            f"On this machine it is no faster than fp32 at batch 1 ({speedup:.2f} times the speed)."
        )
    return f"On this machine it is {speedup:.2f} times as fast as fp32 at batch 1."


def _setting(trial: QuantizationTrial) -> str:
    return str(
        Setting(
            trial.activation,
            trial.per_channel,
            trial.calibration,
            trial.operators,
            trial.nodes_in_float,
        )
    )


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.2f} %"


def _points(fraction: float) -> str:
    return f"{fraction * 100:.2f} points"
