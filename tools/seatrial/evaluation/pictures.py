"""An evaluation's pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seatrial import plots
from seatrial.evidence.records import EvaluationRecord, Mistake

ImageById = Callable[[str], npt.NDArray[np.uint8]]
"""An image's id → its pixels ``(H, W, C)`` uint8."""


def draw(record: EvaluationRecord, output: Path, image_of: ImageById) -> tuple[str, ...]:
    """Draw the confusion matrix, the reliability diagram and the most confident mistakes into the
    folder ``output``; the names of the files. Without a mistake there is no picture of them."""
    names = [one.name for one in record.classes]
    plots.confusion_matrix(record.confusion, names, output / "confusion_matrix.png")
    plots.reliability_diagram(record.bins, record.test["ece"], output / "reliability_diagram.png")
    drawn = ["confusion_matrix.png", "reliability_diagram.png"]
    if record.mistakes:
        plots.image_grid(
            [image_of(mistake.id) for mistake in record.mistakes],
            [_caption(mistake) for mistake in record.mistakes],
            output / "mistakes.png",
            title=_title(len(record.mistakes), record.n_mistakes),
        )
        drawn.append("mistakes.png")
    return tuple(drawn)


def _caption(mistake: Mistake) -> str:
    return "\n".join(
        (
            mistake.id,
            f"true: {mistake.true}",
            f"called: {mistake.predicted}",
            f"confidence {100 * mistake.confidence:.1f} %",
        )
    )


def _title(shown: int, total: int) -> str:
    if shown < total:
        return f"The {shown} most confident of {total:,} mistakes"
    return "The only mistake" if total == 1 else f"All {total} mistakes, the most confident first"
