"""Batches: the same whatever prepares them, and normalised as everywhere else."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seatrial.evidence.records import Preprocessing
from seatrial.preprocessing import normalise
from seatrial.training.batches import ahead
from seatrial.training.images import Normaliser, uses_channels_last

SPEC = Preprocessing(
    height=5,
    width=7,
    channels=3,
    resize="stretch",
    interpolation="bilinear",
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.247, 0.2435, 0.2616),
)


@given(st.lists(st.integers(), max_size=12), st.integers(0, 4))
def test_any_number_of_workers_gives_the_results_in_order(items: list[int], workers: int) -> None:
    assert list(ahead(lambda x: x * 2, items, workers)) == [2 * item for item in items]


def test_no_more_items_are_prepared_ahead_than_there_are_workers() -> None:
    taken: list[int] = []

    def items():  # type: ignore[no-untyped-def]
        for number in range(10):
            taken.append(number)
            yield number

    results = ahead(lambda x: x, items(), 2)
    next(results)
    assert len(taken) == 3
    results.close()  # type: ignore[attr-defined]


def test_an_error_in_a_worker_reaches_the_loop() -> None:
    def fail(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(ahead(fail, range(5), 2))


def test_giving_up_early_ends_the_worker_threads() -> None:
    before = threading.active_count()
    results = ahead(lambda x: x, range(100), 3)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("count", [0, 1, 9])
def test_the_device_normalises_to_the_very_bits_of_preprocessing(
    channels_last: bool, count: int
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 5, 7, 3)).astype(np.uint8)
    made = Normaliser(SPEC, torch.device("cpu"), channels_last=channels_last)(pixels)
    np.testing.assert_array_equal(made.numpy(), normalise(pixels, SPEC))
    wanted = torch.channels_last if channels_last else torch.contiguous_format
    assert made.is_contiguous(memory_format=wanted)


def test_the_memory_format_of_a_model_is_read_from_its_weights() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 4, 1))
    assert not uses_channels_last(model)
    assert uses_channels_last(model.to(memory_format=torch.channels_last))
