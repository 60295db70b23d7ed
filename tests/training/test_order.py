"""Orders and random states as functions of (seed, epoch, batch)."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seatrial.training.order import (
    count_training_batches,
    cut,
    cut_for_training,
    groups,
    permutation,
    sample_weights,
    seed_batch,
    share,
)


def test_an_epochs_order_is_a_permutation_that_seed_and_epoch_decide() -> None:
    first = permutation(100, seed=1, epoch=1)
    assert sorted(first.tolist()) == list(range(100))
    np.testing.assert_array_equal(first, permutation(100, seed=1, epoch=1))
    for other in (permutation(100, seed=2, epoch=1), permutation(100, seed=1, epoch=2)):
        assert (first != other).any()


def test_the_order_of_a_known_seed_does_not_change_between_releases() -> None:
    assert permutation(8, seed=0, epoch=1).tolist() == [3, 2, 1, 0, 6, 4, 7, 5]


@given(st.integers(0, 70), st.integers(1, 16), st.integers(1, 5))
def test_the_processes_shares_make_up_the_batches_and_the_batches_the_epoch(
    count: int, batch_size: int, processes: int
) -> None:
    order = np.arange(count)
    batches = cut(order, batch_size)
    assert len(batches) == -(-count // batch_size)
    shares = [[share(batch, rank, processes) for rank in range(processes)] for batch in batches]
    assert [x for parts in shares for part in parts for x in part] == order.tolist()
    for parts in shares:
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1


@given(st.integers(0, 70), st.integers(2, 16))
def test_training_never_gets_a_batch_of_one_image_unless_there_is_but_one(
    count: int, batch_size: int
) -> None:
    batches = cut_for_training(np.arange(count), batch_size)
    assert [x for batch in batches for x in batch] == list(range(count))
    assert len(batches) == count_training_batches(count, batch_size)
    sizes = [len(batch) for batch in batches]
    assert count == 1 or 1 not in sizes
    assert all(size == batch_size for size in sizes[:-1])
    assert all(size <= batch_size + 1 for size in sizes)


def test_batches_of_one_image_are_made_where_they_are_configured() -> None:
    assert [len(batch) for batch in cut_for_training(np.arange(3), 1)] == [1, 1, 1]


@given(st.integers(0, 40), st.integers(1, 7))
def test_groups_cover_every_batch_once(batches: int, accumulate: int) -> None:
    made = groups(batches, accumulate)
    assert [number for group in made for number in group] == list(range(batches))
    assert all(len(group) == accumulate for group in made[:-1])


def test_a_batch_seed_sets_every_random_state_and_differs_by_each_of_its_parts() -> None:
    def draw(*parts: int) -> tuple[float, float, float]:
        seed_batch(*parts)
        return float(torch.rand(())), float(np.random.rand()), random.random()

    first = draw(0, 1, 2, 0)
    assert first == draw(0, 1, 2, 0)
    for parts in ((1, 1, 2, 0), (0, 2, 2, 0), (0, 1, 3, 0), (0, 1, 2, 1)):
        assert all(a != b for a, b in zip(first, draw(*parts), strict=True))


@pytest.mark.parametrize(("weights", "total"), [(None, 3.0), ((1.0, 2.5), 6.0)])
def test_sample_weights_add_up_each_labels_weight(
    weights: tuple[float, ...] | None, total: float
) -> None:
    assert sample_weights(np.array([0, 1, 1]), weights) == total
