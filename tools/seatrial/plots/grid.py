"""Images in rows with a caption under each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from seatrial.plots.style import DPI, INK, RULE, draw, drawable, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TILE_INCHES = 1.45
_LINE_INCHES = 0.135
_CAPTION_CHARACTERS = 24
_TILE_PIXELS = round(_TILE_INCHES * DPI)


def image_grid(
    images: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8],
    captions: Sequence[str],
    path: Path,
    *,
    columns: int = 6,
    title: str = "",
) -> None:
    """Draw images ``(H, W, C)`` uint8, C of 1 or 3, in rows, sizes may differ.

    Small ones are enlarged without smoothing. A caption may have several lines; a line
    too long loses its middle.

    :raises ValueError: without an image, or with another number of captions.
    """
    if not len(images) or len(images) != len(captions):
        raise ValueError(
            f"image_grid: required a caption for each of at least one image, "
            f"found {len(images)} images and {len(captions)} captions"
        )
    lines = [[_fitting(line) for line in caption.splitlines()] for caption in captions]
    draw(path, lambda: _figure(images, lines, min(columns, len(images)), title))


def _fitting(line: str) -> str:
    return shortened(drawable(line), _CAPTION_CHARACTERS)


def _figure(
    images: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8],
    lines: list[list[str]],
    columns: int,
    title: str,
) -> Figure:
    from matplotlib.figure import Figure

    rows = -(-len(images) // columns)
    under = _LINE_INCHES * max(len(caption) for caption in lines) + 0.12
    head = 0.36 if title else 0.08
    width, height = columns * (_TILE_INCHES + 0.12) + 0.12, rows * (_TILE_INCHES + under) + head
    width = max(width, 0.075 * len(title) + 0.3)
    figure = Figure(figsize=(width, height))
    if title:
        figure.text(0.12 / width, 1 - 0.2 / height, drawable(title), fontsize=10, va="center")
    for index, (pixels, caption) in enumerate(zip(images, lines, strict=True)):
        row, column = divmod(index, columns)
        left = 0.12 + column * (_TILE_INCHES + 0.12)
        top = height - head - row * (_TILE_INCHES + under)
        axes = figure.add_axes(
            (
                left / width,
                (top - _TILE_INCHES) / height,
                _TILE_INCHES / width,
                _TILE_INCHES / height,
            )
        )
        axes.imshow(_shown(pixels), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_anchor("SW")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
            spine.set_color(RULE)
        figure.text(
            left / width,
            (top - _TILE_INCHES - 0.04) / height,
            "\n".join(caption),
            fontsize=6.5,
            color=INK,
            va="top",
            linespacing=1.25,
        )
    return figure


def _shown(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Without a lone channel axis, and with no more pixels than a tile shows."""
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or pixels.dtype != np.uint8:
        found = f"{pixels.shape} {pixels.dtype}"
        raise ValueError(f"image: required (H, W, 1 or 3) uint8, found {found}")
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((_TILE_PIXELS, _TILE_PIXELS), Image.Resampling.LANCZOS)
    return np.asarray(image)
