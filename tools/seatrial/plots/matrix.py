"""The confusion matrix as a picture, from 2 to some 100 classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seatrial.plots.style import INK, class_labels, draw, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNTED_CLASSES = 20
"""Up to so many classes each cell shows its count."""


def confusion_matrix(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], path: Path
) -> None:
    """Draw counts by true class (rows) and predicted class; colour is the share of the row.

    The colour scale follows the square root, so that a single mistake among hundreds is seen.

    :raises ValueError: unless ``confusion`` is square with a row a class.
    """
    counts = np.asarray(confusion, dtype=np.int64)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"confusion: required a row a class, found {counts.shape}")
    draw(path, lambda: _figure(counts, classes))


def _figure(
    counts: np.ndarray[tuple[int, int], np.dtype[np.int64]], classes: Sequence[str]
) -> Figure:
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import FuncFormatter

    number = len(classes)
    cell = max(0.11, min(0.9 if number < 5 else 0.6, 6.2 / number))
    figure = new_figure(max(4.6, cell * number + 2.2), max(3.6, cell * number + 1.5))
    axes = figure.subplots()
    support = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(support, 1)
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), aspect="equal")
    percent = FuncFormatter(lambda share, _: f"{share:.0%}".replace("%", " %"))
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02, format=percent)
    bar.set_ticks([0, 0.01, 0.05, 0.2, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2)
    bar.set_label("share of the true class", fontsize=8)
    _label_axes(axes, classes, cell)
    if number <= COUNTED_CLASSES:
        _write_counts(axes, counts, shares)
    total, right = int(counts.sum()), int(np.trace(counts))
    axes.set_title(f"{right:,} of {total:,} right")
    return figure


def _label_axes(axes: Axes, classes: Sequence[str], cell: float) -> None:
    number = len(classes)
    size = max(4.0, min(8.0, cell * 72 * 0.72))
    names = class_labels(classes, 24)
    fits = 0.62 * size * max(map(len, names)) < 0.9 * 72 * cell
    axes.set_xticks(range(number), names, rotation=0 if fits else 90, fontsize=size)
    axes.set_yticks(range(number), names, fontsize=size)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(number + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(number + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white" if number <= 40 else "#eeeeee", linewidth=0.6)
    axes.tick_params(which="minor", length=0)


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    longest = len(str(int(counts.max())))
    size = max(5.0, min(8.5, 8.5 - 0.15 * max(0, len(counts) - 8) - 0.5 * max(0, longest - 3)))
    for row, column in np.argwhere(counts > 0):
        dark = shares[row, column] > 0.5  # from here on white stands out more than ink
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=size,
            color="white" if dark else INK,
        )
