"""Perceptual hashes: 64 bits that stay nearly the same when a picture is re-encoded or resized.

The hash is the sign pattern of the 8 × 8 lowest frequencies (two-dimensional DCT-II of a grey
32 × 32 thumbnail) about their median, as in Zauner, "Implementation and Benchmarking of Perceptual
Image Hash Functions" (2010), section 3.2. Strangers may share a hash; :func:`correlations` of
small thumbnails tells them from twins.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

MIN_SIDE = 16
"""A smaller image has too little in it: on 8 px digits strangers share hashes."""
SIDE = 32
COARSE = 16
_FREQUENCIES = 8
_FLAT_DEVIATION = 2.0
"""Below this standard deviation of grey levels the hash is a pattern of noise."""


def thumbnail(image: Image.Image) -> npt.NDArray[np.uint8]:
    """An RGB or grey image as ``(32, 32)`` grey levels, antialiased."""
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(grey)


def _cosines() -> npt.NDArray[np.float32]:
    """The ``(8, 32)`` lowest rows of the orthonormal DCT-II matrix."""
    frequency, position = np.arange(_FREQUENCIES)[:, None], np.arange(SIDE)[None, :]
    rows = np.sqrt(2 / SIDE) * np.cos(np.pi * (2 * position + 1) * frequency / (2 * SIDE))
    rows[0] /= np.sqrt(2)
    result: npt.NDArray[np.float32] = rows.astype(np.float32)
    return result


_COSINES = _cosines()


def perceptual_hashes(
    thumbnails: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Hashes ``(n,)`` of thumbnails ``(n, 32, 32)``, and which of them mean anything.

    >>> import numpy as np
    >>> ramp = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    >>> hashes, meaningful = perceptual_hashes(np.stack([ramp, ramp + 2, np.zeros_like(ramp)]))
    >>> bool(hashes[0] == hashes[1]), meaningful.tolist()
    (True, [True, True, False])
    """
    grey = thumbnails.astype(np.float32)
    low = (_COSINES @ grey @ _COSINES.T).reshape(len(grey), _FREQUENCIES**2)
    # Rounded, so that frequencies that are zero but for arithmetic noise compare equal.
    low = np.round(low, 2)
    bits = low > np.median(low, axis=1, keepdims=True)
    hashes = np.packbits(bits, axis=1).view(np.uint64).reshape(-1)
    return hashes, grey.std(axis=(1, 2)) >= _FLAT_DEVIATION


def coarse(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Thumbnails ``(n, 32, 32)`` as ``(n, 16, 16)``, each value the mean of four."""
    blocks = thumbnails.reshape(-1, COARSE, 2, COARSE, 2).astype(np.uint16)
    means: npt.NDArray[np.uint8] = ((blocks.sum(axis=(2, 4)) + 2) // 4).astype(np.uint8)
    return means


def correlations(
    small: npt.NDArray[np.uint8],
    first: npt.NDArray[np.int64],
    second: npt.NDArray[np.int64],
    common: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Pearson correlation ``(p,)`` of the pairs of thumbnails ``small[first]``, ``small[second]``.

    ``common`` ``(16, 16)`` is subtracted first: what all images of a data set share, such as the
    chest in every chest X-ray, makes no two of them twins.
    """

    def standardised(indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = (small[indices] - common).reshape(len(indices), -1)
        values -= values.mean(axis=1, keepdims=True)
        length = np.linalg.norm(values, axis=1, keepdims=True)
        values /= np.maximum(length, np.finfo(np.float32).tiny)
        return values

    result: npt.NDArray[np.float32] = (standardised(first) * standardised(second)).sum(axis=1)
    return result
