"""The reliability diagram: confidence against accuracy, and how many images stand behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.evidence.records import CalibrationBin, Estimate
from seatrial.plots.style import BLUE, MUTED, ORANGE, RULE, draw, light_grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability_diagram(bins: Sequence[CalibrationBin], ece: Estimate, path: Path) -> None:
    """Draw each bin's accuracy with its interval against its mean confidence, and the counts."""

    def make() -> Figure:
        figure = new_figure(4.8, 5.0)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
        _accuracy(top, bins)
        top.set_title(_title(ece), pad=24)
        _counts(bottom, bins)
        return figure

    draw(path, make)


def _title(ece: Estimate) -> str:
    if ece.value is None:
        return f"Expected calibration error undefined: {ece.reason}"
    interval = "" if ece.interval is None else f" [{ece.interval[0]:.3f}, {ece.interval[1]:.3f}]"
    return f"Expected calibration error {ece.value:.3f}{interval}"


def _accuracy(axes: Axes, bins: Sequence[CalibrationBin]) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls="--", label="perfectly calibrated")
    for one in bins:
        if one.accuracy is None or one.confidence is None:
            continue
        width = one.upper - one.lower
        axes.bar(one.lower, one.accuracy, width, align="edge", color=BLUE, alpha=0.22, lw=0)
        axes.plot([one.lower, one.upper], [one.accuracy] * 2, color=BLUE, lw=1.6)
        if one.interval is not None:
            axes.plot([one.confidence] * 2, one.interval, color=ORANGE, lw=1.2)
        axes.plot([one.confidence], [one.accuracy], "o", color=ORANGE, ms=3.5)
    axes.plot([], [], "o-", color=ORANGE, ms=3.5, lw=1.2, label="measured, with 95 % interval")
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=2,
        frameon=False,
        fontsize=7.5,
        labelcolor=MUTED,
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("accuracy")
    light_grid(axes)


def _counts(axes: Axes, bins: Sequence[CalibrationBin]) -> None:
    highest = max(one.count for one in bins)
    for one in bins:
        axes.bar(
            one.lower,
            one.count,
            one.upper - one.lower,
            align="edge",
            color=BLUE,
            edgecolor="white",
            lw=0.6,
        )
        if one.count:
            axes.annotate(
                f"{one.count:,}",
                ((one.lower + one.upper) / 2, one.count),
                xytext=(0, 1.5),
                textcoords="offset points",
                ha="center",
                fontsize=6,
                color=MUTED,
            )
    axes.set_ylim(0, highest * 1.2)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.set_xlabel("confidence (probability of the predicted class)")
    axes.set_ylabel("images")
