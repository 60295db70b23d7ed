"""Splits are a function of seed and content, keep groups whole, and follow the fractions."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.data.sources.interface import UNDECLARED
from seatrial.data.splits import apportion, carve, plan, together
from seatrial.errors import ConfigurationError, InputError

NO_PAIRS = np.empty((0, 2), dtype=np.int64)
SHARES = {0: 0.6, 1: 0.2, 2: 0.2}


def digests(count: int, salt: str = "") -> list[str]:
    return [hashlib.sha256(f"{salt}{number}".encode()).hexdigest() for number in range(count)]


def divided(
    labels: np.ndarray,
    content: list[str],
    components: np.ndarray | None = None,
    shares: dict[int, float] = SHARES,
    seed: int = 0,
) -> np.ndarray:
    apart = np.arange(len(labels)) if components is None else components
    names = [f"class {kind}" for kind in range(int(labels.max()) + 1)]
    return carve(labels, content, apart, shares, seed=seed, classes=names)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_the_order_of_images_changes_nothing(seed: int, random: object) -> None:
    labels, content = np.arange(90) % 3, digests(90)
    components = np.arange(90) // 2 * 2  # pairs of neighbours belong together
    order = list(range(90))
    random.shuffle(order)  # type: ignore[attr-defined]
    first = divided(labels, content, components, seed=seed)
    second = divided(labels[order], [content[i] for i in order], components[order], seed=seed)
    assert np.array_equal(first[order], second)


def test_another_seed_gives_another_division_and_the_same_seed_the_same() -> None:
    labels, content = np.arange(200) % 4, digests(200)
    assert np.array_equal(divided(labels, content), divided(labels, content))
    assert not np.array_equal(divided(labels, content), divided(labels, content, seed=1))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(3, 60), min_size=1, max_size=6),
    st.tuples(st.floats(0.1, 0.8), st.floats(0.05, 0.5), st.floats(0.05, 0.5)),
    st.integers(0, 9),
)
def test_each_class_is_divided_by_the_fractions_to_within_one_image(
    counts: list[int], weights: tuple[float, float, float], seed: int
) -> None:
    shares = {split: weight / sum(weights) for split, weight in enumerate(weights)}
    labels = np.repeat(np.arange(len(counts)), counts)
    result = divided(labels, digests(len(labels)), shares=shares, seed=seed)
    for kind, count in enumerate(counts):
        found = np.bincount(result[labels == kind], minlength=3)
        assert found.sum() == count
        assert found.min() >= 1
        raised = sum(shares[split] * count < 1 for split in shares)
        for split in shares:
            assert abs(found[split] - shares[split] * count) < 1 + raised + 1e-9


def test_rounding_does_not_add_up_over_classes() -> None:
    labels = np.repeat(np.arange(10), 18)
    result = divided(labels, digests(180))
    assert np.bincount(result).tolist() == [108, 36, 36]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=15, max_size=40), st.integers(0, 99))
def test_a_group_is_never_divided(sizes: list[int], seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    labels = np.arange(len(groups)) % 2
    result = divided(labels, digests(len(groups)), groups, seed=seed)
    for group in range(len(sizes)):
        assert len(set(result[groups == group].tolist())) == 1


def test_groups_still_give_roughly_the_fractions() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), random.integers(1, 15, 100))
    labels = random.integers(0, 3, len(groups))
    result = divided(labels, digests(len(groups)), groups)
    np.testing.assert_allclose(np.bincount(result) / len(groups), [0.6, 0.2, 0.2], atol=0.02)
    for kind in range(3):
        shares = np.bincount(result[labels == kind], minlength=3) / (labels == kind).sum()
        np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.05)


def test_a_class_with_fewer_images_than_splits_is_named() -> None:
    labels = np.array([0] * 10 + [1] * 2)
    with pytest.raises(InputError, match="class class 1: required at least 3 images"):
        divided(labels, digests(12))


def test_what_shares_a_value_or_a_pair_is_one_component() -> None:
    result = together(
        6, np.array([[4, 5]]), ["a", "b", "a", "c", "d", "e"], [None, "g", None, "g", None, None]
    )
    assert result[0] == result[2]
    assert result[1] == result[3]
    assert result[4] == result[5]
    assert len(set(result.tolist())) == 3
    assert len(set(together(4, NO_PAIRS, [None] * 4).tolist())) == 4


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(0.01, 10), min_size=1, max_size=8))
def test_apportioning_gives_everything_away_to_within_one(total: int, weights: list[float]) -> None:
    parts = apportion(total, np.array(weights))
    exact = total * np.array(weights) / sum(weights)
    assert parts.sum() == total
    assert (np.abs(parts - exact) < 1 + 1e-6).all()


# ---------------------------------------------------------------- what is to be divided

NONE = np.full(9, UNDECLARED, dtype=np.int8)
ALL = np.array([0, 1, 2] * 3, dtype=np.int8)
TRAIN_TEST = np.array([0, 0, 2] * 3, dtype=np.int8)


def test_declared_splits_stay_as_they_are() -> None:
    assert plan(ALL, None, 0) is None


def test_without_a_word_three_fifths_are_for_training() -> None:
    carving = plan(NONE, None, 0)
    assert carving is not None
    assert carving.shares == {0: 0.6, 1: 0.2, 2: 0.2}
    assert carving.pool.all()


def test_a_fraction_that_is_not_given_is_what_the_others_leave() -> None:
    carving = plan(NONE, (None, 0.25, 0.25), 0)
    assert carving is not None
    assert carving.shares == {0: 0.5, 1: 0.25, 2: 0.25}


def test_only_the_missing_split_is_taken_out_of_train() -> None:
    carving = plan(TRAIN_TEST, (None, 0.1, None), 0)
    assert carving is not None
    assert carving.shares == {0: 0.9, 1: 0.1}
    assert np.array_equal(carving.pool, TRAIN_TEST == 0)
    assert "val 0.1" in carving.method


def test_both_missing_splits_can_be_taken_out_of_train() -> None:
    carving = plan(np.zeros(9, dtype=np.int8), (0.5, 0.25, 0.25), 0)
    assert carving is not None
    assert carving.shares == {0: 0.5, 1: 0.25, 2: 0.25}


@pytest.mark.parametrize(
    ("declared", "fractions", "message"),
    [
        (NONE, (0.5, 0.2, 0.2), "add up to 1"),
        (NONE, (0.8, 0.2, None), "above 0"),
        (NONE, (None, 0.7, 0.7), "above 0"),
        (NONE, (0.8, None, None), "at least two"),
        (ALL, (None, 0.1, None), "the source declares its own val"),
        (ALL, (None, None, 0.1), "the source declares its own test"),
        (TRAIN_TEST, None, "data.fractions.val: required"),
        (TRAIN_TEST, (0.8, None, 0.2), "the source declares its own test"),
        (TRAIN_TEST, (None, 0.0, None), "data.fractions.val: required between 0 and 1"),
        (TRAIN_TEST, (0.8, 0.1, None), "add up to 1"),
        (np.zeros(9, dtype=np.int8), (None, 0.5, 0.5), "train above 0"),
    ],
)
def test_fractions_that_contradict_the_source_are_refused(
    declared: np.ndarray, fractions: tuple[float | None, ...] | None, message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        plan(declared, fractions, 0)
    assert message in str(refused.value)


def test_splits_without_a_train_split_are_refused() -> None:
    with pytest.raises(InputError, match="no train split"):
        plan(np.array([1, 2], dtype=np.int8), None, 0)
