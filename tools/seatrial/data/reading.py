"""Reads every image once: digest, size, mode, statistics, fingerprint, and pixels where they fit.

Threads share the work, because Pillow decodes outside Python's lock. Of an image that is not held
in memory about a kilobyte is kept, whatever its size.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from seatrial.data import fingerprints
from seatrial.data.sources.images import pixel_digest
from seatrial.data.sources.interface import Images
from seatrial.data.statistics import sums_and_squares
from seatrial.errors import InputError
from seatrial.evidence.records import Preprocessing
from seatrial.preprocessing import convert, to_pixels

CHUNK_IMAGES = 32
_SECONDS_BETWEEN_EVENTS = 0.5

Emit = Callable[[dict[str, object]], None]
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, eq=False)
class Scan:
    """What one pass found; every column has an entry a readable image."""

    readable: npt.NDArray[np.int64]
    """``(n,)``, positions in the listing, ascending."""
    reasons: dict[int, str]
    """Why an image could not be read, by its position in the listing."""
    content: tuple[str, ...]
    """SHA-256 of each image's content."""
    appearance: tuple[str, ...]
    """SHA-256 of the decoded image in the model's channels at its own size: equal for equal
    pictures in different files."""
    hashes: npt.NDArray[np.uint64]
    """``(n,)`` perceptual hashes; 0 where ``hashable`` is False."""
    hashable: npt.NDArray[np.bool_]
    coarse: npt.NDArray[np.uint8]
    """``(n, 16, 16)`` grey thumbnails."""
    widths: npt.NDArray[np.int64]
    heights: npt.NDArray[np.int64]
    modes: tuple[str, ...]
    sums: npt.NDArray[np.int64]
    """``(n, C)``: each channel's sum over the pixels at the model's size."""
    squares: npt.NDArray[np.int64]
    """``(n, C)``: each channel's sum of squares."""


@dataclass(frozen=True)
class _Seen:
    """One readable image."""

    index: int
    content: str
    appearance: str
    width: int
    height: int
    mode: str
    sums: npt.NDArray[np.int64]
    squares: npt.NDArray[np.int64]
    thumbnail: npt.NDArray[np.uint8] | None


@dataclass(frozen=True)
class _Chunk:
    seen: list[_Seen]
    reasons: dict[int, str]
    hashes: npt.NDArray[np.uint64]
    hashable: npt.NDArray[np.bool_]
    coarse: npt.NDArray[np.uint8]


def first_size(images: Images) -> tuple[int, int] | None:
    """Height and width of the first image that can be read; None where none can."""
    for index in range(len(images)):
        try:
            image = images.image(index)
        except InputError:
            continue
        return image.height, image.width
    return None


def scan(
    images: Images,
    spec: Preprocessing,
    *,
    threads: int,
    keep: npt.NDArray[np.uint8] | None = None,
    emit: Emit | None = None,
) -> Scan:
    """Read all ``N`` images once. With ``keep`` ``(N, H, W, C)``, their pixels are left there."""

    def read(chunk: range) -> _Chunk:
        return _read_chunk(images, chunk, spec, keep)

    count, chunks, told = len(images), [], time.monotonic()
    ranges = (range(s, min(s + CHUNK_IMAGES, count)) for s in range(0, count, CHUNK_IMAGES))
    with ThreadPoolExecutor(threads, thread_name_prefix="seatrial-read") as pool:
        for chunk in bounded_map(pool, read, ranges, ahead=2 * threads):
            chunks.append(chunk)
            now = time.monotonic()
            if emit and now - told >= _SECONDS_BETWEEN_EVENTS:
                told = now
                done = min(len(chunks) * CHUNK_IMAGES, count)
                emit({"event": "read", "done": done, "total": count})
    return _joined(chunks, spec.channels)


def bounded_map(
    pool: ThreadPoolExecutor,
    function: Callable[[_In], _Out],
    items: Iterable[_In],
    *,
    ahead: int,
) -> Iterator[_Out]:
    """Results in order, with at most ``ahead`` of them under way or waiting."""
    waiting: deque[Future[_Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _read_chunk(
    images: Images, chunk: range, spec: Preprocessing, keep: npt.NDArray[np.uint8] | None
) -> _Chunk:
    seen: list[_Seen] = []
    reasons: dict[int, str] = {}
    for index in chunk:
        try:
            seen.append(_read_one(images, index, spec, keep))
        except InputError as error:
            reasons[index] = str(error)
    shape = (len(seen), fingerprints.SIDE, fingerprints.SIDE)
    thumbnails = np.zeros(shape, dtype=np.uint8)
    for row, one in enumerate(seen):
        if one.thumbnail is not None:
            thumbnails[row] = one.thumbnail
    hashes, meaningful = fingerprints.perceptual_hashes(thumbnails)
    hashes[~meaningful] = 0
    return _Chunk(
        [_without_thumbnail(one) for one in seen],
        reasons,
        hashes,
        meaningful,
        fingerprints.coarse(thumbnails),
    )


def _read_one(
    images: Images, index: int, spec: Preprocessing, keep: npt.NDArray[np.uint8] | None
) -> _Seen:
    content, image = images.read(index)
    mode = image.mode
    image = convert(image, spec.channels)
    pixels = to_pixels(image, spec)
    if keep is not None:
        keep[index] = pixels
    sums, squares = sums_and_squares(pixels)
    return _Seen(
        index=index,
        content=content,
        appearance=pixel_digest(image),
        width=image.width,
        height=image.height,
        mode=mode,
        sums=sums,
        squares=squares,
        thumbnail=(
            fingerprints.thumbnail(image) if min(image.size) >= fingerprints.MIN_SIDE else None
        ),
    )


def _without_thumbnail(one: _Seen) -> _Seen:
    fields = {name: getattr(one, name) for name in one.__dataclass_fields__}
    return _Seen(**{**fields, "thumbnail": None})


def _joined(chunks: list[_Chunk], channels: int) -> Scan:
    seen = [one for chunk in chunks for one in chunk.seen]
    side = fingerprints.COARSE
    empty_moments = np.empty((0, channels), np.int64)
    return Scan(
        readable=np.array([one.index for one in seen], dtype=np.int64),
        reasons={index: why for chunk in chunks for index, why in chunk.reasons.items()},
        content=tuple(one.content for one in seen),
        appearance=tuple(one.appearance for one in seen),
        hashes=np.concatenate([np.empty(0, np.uint64), *(chunk.hashes for chunk in chunks)]),
        hashable=np.concatenate([np.empty(0, np.bool_), *(chunk.hashable for chunk in chunks)]),
        coarse=np.concatenate(
            [np.empty((0, side, side), np.uint8), *(chunk.coarse for chunk in chunks)]
        ),
        widths=np.array([one.width for one in seen], dtype=np.int64),
        heights=np.array([one.height for one in seen], dtype=np.int64),
        modes=tuple(one.mode for one in seen),
        sums=np.stack([one.sums for one in seen]) if seen else empty_moments,
        squares=np.stack([one.squares for one in seen]) if seen else empty_moments,
    )
