"""Images by class and split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.plots.style import BLUE, MUTED, class_labels, draw, light_grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def class_balance(classes: Sequence[str], splits: Mapping[str, Sequence[int]], path: Path) -> None:
    """Draw the count of each class, a panel a split, each on its own scale.

    ``splits`` holds counts in the order of ``classes``. An empty class is marked.

    :raises ValueError: without a split or a class, or where a split has another number of counts.
    """
    wrong = [name for name, counts in splits.items() if len(counts) != len(classes)]
    if not splits or not classes or wrong:
        raise ValueError(f"class_balance: required {len(classes)} counts a split, not so: {wrong}")

    def make() -> Figure:
        step = max(0.105, min(0.26, 7 / len(classes)))
        figure = new_figure(2.2 + 2.0 * len(splits), step * len(classes) + 1.0)
        panels = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for axes, (split, counts) in zip(panels, splits.items(), strict=True):
            _panel(axes, split, counts, step)
        size = max(4.5, min(8.0, step * 72 * 0.62))
        panels[0].set_yticks(range(len(classes)), class_labels(classes, 28), fontsize=size)
        panels[0].set_ylim(len(classes) - 0.4, -0.6)
        return figure

    draw(path, make)


def _panel(axes: Axes, split: str, counts: Sequence[int], step: float) -> None:
    axes.barh(range(len(counts)), counts, height=0.72, color=BLUE)
    axes.set_title(f"{split}, {sum(counts):,} images")
    axes.set_xlim(0, max(1, *counts) * 1.22)
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    light_grid(axes, "x")
    size = max(4.5, min(7.5, step * 72 * 0.58))
    for row, count in enumerate(counts):
        axes.annotate(
            f"{count:,}" if count else "none",
            (count, row),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=size,
            color=MUTED,
        )
