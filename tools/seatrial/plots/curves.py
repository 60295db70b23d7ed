"""Loss, accuracy and the monitored metric by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.evidence.records import Epoch
from seatrial.plots.style import BLUE, MUTED, ORANGE, draw, light_grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learning_curves(epochs: Sequence[Epoch], path: Path, *, monitor: str, best_epoch: int) -> None:
    """Draw training and validation loss and accuracy by epoch; the best epoch is marked.

    ``monitor`` (``val_acc`` …) gets a panel of its own where it is neither. A metric that is
    undefined in an epoch leaves a gap.

    :raises ValueError: without an epoch.
    """
    if not epochs:
        raise ValueError("learning_curves: required at least one epoch, found none")

    def make() -> Figure:
        extra = [] if monitor in ("val_loss", "val_acc") else [monitor]
        panels = ["loss", "acc", *extra]
        figure = new_figure(4.1 * len(panels), 3.2)
        for axes, panel in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            _panel(axes, epochs, panel)
            _mark_best(axes, epochs, best_epoch, name=_metric(panel), chosen=monitor)
        return figure

    draw(path, make)


_TITLES = {"loss": "Loss", "acc": "Accuracy"}


def _metric(panel: str) -> str:
    return panel if panel.startswith("val_") else f"val_{panel}"


def _panel(axes: Axes, epochs: Sequence[Epoch], panel: str) -> None:
    from matplotlib.ticker import MaxNLocator

    numbers = [epoch.epoch for epoch in epochs]
    held_out = [_number(epoch.metrics.get(_metric(panel))) for epoch in epochs]
    lines = [(held_out, "validation", BLUE, "-")]
    if panel == "loss":
        lines.append(([epoch.train_loss for epoch in epochs], "training", ORANGE, "--"))
    elif panel == "acc":
        lines.append(([epoch.train_acc for epoch in epochs], "training", ORANGE, "--"))
    for values, _, colour, dashes in lines:
        # Validation every n epochs leaves gaps, which the line bridges.
        points = [(n, v) for n, v in zip(numbers, values, strict=True) if math.isfinite(v)]
        marker = "o" if len(points) < 12 else ""
        if points:
            axes.plot(*zip(*points, strict=True), dashes, color=colour, lw=1.6, marker=marker, ms=3)
    _label_ends(axes, numbers, lines)
    axes.set_title(_TITLES.get(panel, panel))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    axes.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
    light_grid(axes)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _label_ends(
    axes: Axes, numbers: list[int], lines: list[tuple[list[float], str, str, str]]
) -> None:
    """Name each line at its right end, apart where the ends lie close together."""
    ends = []
    for values, name, colour, _ in lines:
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            ends.append((finite[-1], name, colour))
    low, high = axes.get_ylim()
    gap, below = 0.08 * (high - low), -math.inf
    for value, name, colour in sorted(ends):
        height = max(value, below + gap)
        axes.annotate(
            name,
            (numbers[-1], height),
            xytext=(5, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
        below = height


def _mark_best(
    axes: Axes, epochs: Sequence[Epoch], best_epoch: int, *, name: str, chosen: str
) -> None:
    best = next((epoch for epoch in epochs if epoch.epoch == best_epoch), None)
    value = None if best is None else best.metrics.get(name)
    if best is None or value is None:
        return
    axes.axvline(best_epoch, color=MUTED, lw=0.8, ls=":", zorder=0)
    axes.plot([best_epoch], [value], "o", ms=5, mfc="white", mec=BLUE, mew=1.5, zorder=5)
    chose = ", best" if name == chosen else ""
    axes.set_title(f"epoch {best_epoch}{chose}: {value:.3f}", loc="right", fontsize=8, color=MUTED)
