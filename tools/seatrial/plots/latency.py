"""Latency of the exported formats beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.evidence.records import FormatMeasurement, Latency
from seatrial.plots.style import BLUE, INK, MUTED, draw, light_grid, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def latency_comparison(formats: Sequence[FormatMeasurement], path: Path, *, batch: int = 1) -> None:
    """Draw median (dot) and 95th percentile (line's end) of one call at ``batch``, by format.

    :raises ValueError: where no format was measured at that batch size.
    """
    measured: list[tuple[str, Latency]] = [
        (one.format, latency)
        for one in formats
        for latency in one.latencies
        if latency.batch == batch
    ]
    if not measured:
        raise ValueError(f"latency_comparison: required a measurement at batch {batch}, found none")
    draw(path, lambda: _figure(measured, batch))


def _figure(measured: list[tuple[str, Latency]], batch: int) -> Figure:
    figure = new_figure(6.4, 0.42 * len(measured) + 1.0)
    axes = figure.subplots()
    for row, (_, latency) in enumerate(measured):
        axes.plot([latency.p50_ms, latency.p95_ms], [row, row], color=BLUE, lw=2)
        axes.plot([latency.p50_ms], [row], "o", color=BLUE, ms=6)
        axes.annotate(
            f"{latency.p50_ms:.3g} ms, p95 {latency.p95_ms:.3g} ms",
            (max(latency.p50_ms, latency.p95_ms), row),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=MUTED,
        )
    axes.set_yticks(range(len(measured)), [name for name, _ in measured], color=INK)
    axes.set_ylim(len(measured) - 0.5, -0.5)
    axes.set_xlim(0, max(latency.p95_ms for _, latency in measured) * 1.45)
    axes.set_xlabel("milliseconds")
    axes.set_title(f"Latency at batch {batch}: median and 95th percentile")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    light_grid(axes, "x")
    return figure
