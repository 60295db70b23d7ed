"""Pairs of pictures that resemble each other: proposed by hashes, confirmed by what hashes miss.

Near hashes alone are no proof: two pairs of trousers laid out alike are strangers. So a proposed
pair must also agree in a small thumbnail, and, where the images are large enough to have fine
detail, in that detail. The bounds are measured; CIFAR-10 (12,000 images, 29 pairs, all twins to
the eye), photos of clothes (1,869 images, 130 proposals, all strangers) and synthetic twins of
these (JPEG quality 30, half size, grey, brighter, 2 % cropped) lie on the right side of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.special import ndtri

from seatrial.data import fingerprints
from seatrial.data.neighbours import near_pairs

MIN_CORRELATION = 0.9
"""Between thumbnails. Near-misses on CIFAR-10 at 0.75 to 0.87 were half strangers."""
DETAIL_BOUNDS = {128: 0.55, 64: 0.75}
"""By the side of the compared square: strangers reach 0.42 and 0.69, twins have 0.92 and 0.95,
and nine in ten of those with 2 % cropped away 0.56 and 0.73."""
MAX_PROPOSALS = 1_000_000
MAX_DETAILED = 5_000
_BLOCK = 20_000
_SAMPLED_PAIRS = 2_000
_EXPECTED_STRANGERS = 0.5

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Similar:
    """Pairs ``(p, 2)`` of images, their hashes' distance ``(p,)``, the nearest first."""

    pairs: Ints
    distances: Ints
    complete: bool
    """False where there were so many proposals that some were left unexamined."""


NONE_SIMILAR = Similar(np.empty((0, 2), np.int64), np.empty(0, np.int64), complete=True)


@dataclass(frozen=True, eq=False)
class Pictures:
    """What is compared: distinct pictures, an entry each in every column."""

    hashes: npt.NDArray[np.uint64]
    coarse: npt.NDArray[np.uint8]
    labels: Ints
    sides: Ints
    """The shorter side in pixels."""
    image: Callable[[int], Image.Image]
    """Decodes one anew, by its position here."""


def find_similar(pictures: Pictures, bits: int, threads: int) -> Similar:
    """Pairs whose hashes differ in at most ``bits`` and that thumbnails and detail confirm."""
    if not len(pictures.hashes):
        return NONE_SIMILAR
    pairs, distances, complete = near_pairs(pictures.hashes, bits, MAX_PROPOSALS)
    common = pictures.coarse.mean(axis=0, dtype=np.float64).astype(np.float32)
    bounds = stranger_bounds(pictures.coarse, pictures.labels, common)
    detailed = pictures.sides[pairs].min(axis=1) >= min(DETAIL_BOUNDS)
    needed = np.where(
        detailed, MIN_CORRELATION, bounds[pictures.labels[pairs]].max(axis=1, initial=0)
    )
    found = [_correlated(pictures.coarse, block, common) for block in _blocks(pairs)]
    alike = np.concatenate([np.empty(0, np.float32), *found]) >= needed
    pairs, distances, detailed = pairs[alike], distances[alike], detailed[alike]
    examined = detailed.cumsum() <= MAX_DETAILED
    keep = ~detailed
    chosen = np.flatnonzero(detailed & examined)
    keep[chosen] = _same_detail(pictures, pairs[chosen], threads)
    return Similar(pairs[keep], distances[keep], complete and bool(examined.all()))


def _blocks(pairs: Ints) -> Iterator[Ints]:
    return (pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK))


def _correlated(coarse: npt.NDArray[np.uint8], pairs: Ints, common: Floats) -> Floats:
    return fingerprints.correlations(coarse, pairs[:, 0], pairs[:, 1], common)


def stranger_bounds(coarse: npt.NDArray[np.uint8], labels: Ints, common: Floats) -> Floats:
    """The correlation ``(K,)`` above which two images of a class are no longer strangers.

    At least :data:`MIN_CORRELATION`; higher in a class whose images all look alike, such as
    handwritten ones: so high that among all its pairs fewer than one stranger is expected, by a
    normal fit (median and median deviation) to Fisher's z of a sample of pairs.
    """
    bounds = np.full(int(labels.max(initial=0)) + 1, MIN_CORRELATION, dtype=np.float32)
    random = np.random.default_rng(0)
    for kind in np.unique(labels):
        members = np.flatnonzero(labels == kind)
        if len(members) < 3:
            continue
        first = random.integers(len(members), size=_SAMPLED_PAIRS)
        other = (first + random.integers(1, len(members), size=_SAMPLED_PAIRS)) % len(members)
        sample = np.stack([members[first], members[other]], axis=1)
        limited = np.clip(_correlated(coarse, sample, common), -0.9999, 0.9999)
        z = np.arctanh(limited.astype(np.float64))
        middle = np.median(z)
        spread = np.median(np.abs(z - middle)) / ndtri(0.75)
        all_pairs = len(members) * (len(members) - 1) / 2
        tail = middle - spread * ndtri(_EXPECTED_STRANGERS / all_pairs)
        bounds[kind] = max(MIN_CORRELATION, float(np.tanh(tail)))
    return bounds


# ---------------------------------------------------------------- detail


def _same_detail(pictures: Pictures, pairs: Ints, threads: int) -> npt.NDArray[np.bool_]:
    @lru_cache(maxsize=2048)
    def spectrum(position: int, side: int) -> npt.NDArray[np.complex64]:
        return detail_spectrum(pictures.image(position), side)

    def same(pair: Ints) -> bool:
        smaller = int(pictures.sides[pair].min())
        side = max(side for side in DETAIL_BOUNDS if side <= smaller)
        first, second = (spectrum(int(position), side) for position in pair)
        return detail_agreement(first, second) >= DETAIL_BOUNDS[side]

    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(same, pairs)), dtype=np.bool_)


def detail_spectrum(image: Image.Image, side: int) -> npt.NDArray[np.complex64]:
    """Spectrum ``(side, side / 2 + 1)`` of an image's fine structure, of unit energy."""
    grey = image.convert("L").resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0)
    values = np.asarray(grey, dtype=np.float32)
    fine = values - gaussian_filter(values, sigma=2)
    fine -= fine.mean()
    fine /= max(float(np.linalg.norm(fine)), 1e-6)
    result: npt.NDArray[np.complex64] = np.fft.rfft2(fine).astype(np.complex64)
    return result


def detail_agreement(first: npt.NDArray[np.complex64], second: npt.NDArray[np.complex64]) -> float:
    """Correlation of two images' detail, the best over shifts up to a sixteenth of the side."""
    side = len(first)
    reach = side // 16
    correlation = np.fft.irfft2(first * second.conj(), (side, side))
    near = np.roll(correlation, (reach, reach), axis=(0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    return float(near.max())
