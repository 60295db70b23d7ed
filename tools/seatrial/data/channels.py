"""What images look like by channel: the reference that monitoring compares images in use with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ChannelStatistics:
    """Of a split's pixels, by channel, in [0, 1], whatever normalisation is configured."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_mean_std: tuple[float, ...]
    """Standard deviation, over the images, of each image's own mean."""


def channel_statistics(
    sums: npt.NDArray[np.int64], squares: npt.NDArray[np.int64], pixels: int
) -> ChannelStatistics:
    """Of images of ``pixels`` pixels each; ``sums`` and ``squares`` ``(n, C)`` are each image's
    sums over uint8 pixels and over their squares.

    >>> channel_statistics(np.array([[255], [0]]), np.array([[65025], [0]]), 1)
    ChannelStatistics(mean=(0.5,), std=(0.5,), image_mean_std=(0.5,))
    """
    means = sums.astype(np.float64) / (255 * pixels)
    mean = means.mean(axis=0)
    variance = squares.astype(np.float64).mean(axis=0) / (255**2 * pixels) - mean**2
    return ChannelStatistics(
        mean=tuple(mean.tolist()),
        std=tuple(np.sqrt(np.maximum(variance, 0)).tolist()),
        image_mean_std=tuple(means.std(axis=0).tolist()),
    )
