"""One pass over the images, in order, in threads, with a bounded queue."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from seatrial.data.reading import bounded_map, first_size, scan
from seatrial.data.sources.images import DecodedImages, array_images
from seatrial.evidence.records import Preprocessing

SPEC = Preprocessing(
    height=20, width=20, channels=3, resize="stretch", interpolation="bilinear",
    mean=(0, 0, 0), std=(1, 1, 1),
)  # fmt: skip


def test_results_come_in_order_and_few_are_under_way() -> None:
    lock, taken, given = threading.Lock(), 0, 0
    most = 0

    def items() -> object:
        nonlocal taken, most
        for number in range(200):
            with lock:
                taken += 1
                most = max(most, taken - given)
            yield number

    with ThreadPoolExecutor(3) as pool:
        results = []
        for result in bounded_map(pool, lambda number: number * number, items(), ahead=5):
            with lock:
                given += 1
            results.append(result)
    assert results == [number * number for number in range(200)]
    assert most <= 6


def test_a_scan_is_the_same_at_any_number_of_threads() -> None:
    images = array_images(
        [np.random.default_rng(0).integers(0, 256, (100, 20, 20), dtype=np.uint8)]
    )
    one, four = (scan(images, SPEC, threads=threads) for threads in (1, 4))
    assert one.content == four.content
    assert np.array_equal(one.hashes, four.hashes)
    assert np.array_equal(one.sums, four.sums)
    assert np.array_equal(one.readable, np.arange(100))


def test_progress_ends_are_told_by_count() -> None:
    images = array_images([np.zeros((50, 20, 20), dtype=np.uint8)])
    events: list[dict[str, object]] = []
    scan(images, SPEC, threads=1, emit=events.append)
    assert all(event["event"] == "read" and event["total"] == 50 for event in events)


def test_the_first_readable_image_gives_the_size() -> None:
    def broken(index: int) -> object:
        if index < 2:
            raise OSError("broken")
        return array_images([np.zeros((1, 5, 9), dtype=np.uint8)]).image(0)

    assert first_size(DecodedImages(3, broken)) == (5, 9)
    assert first_size(DecodedImages(2, broken)) is None
