"""Comparisons with bounds, and how numbers read beside them."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.evidence.records import Estimate
from seatrial.gates.checks.numbers import keeps, shown, shown_estimate
from seatrial.gates.schema import Unit

shares = st.floats(0, 1)


@given(shares, shares)
def test_at_least_and_at_most_are_mirror_images(value: float, bound: float) -> None:
    assert keeps(value, "at least", bound) == keeps(-value, "at most", -bound)
    assert keeps(value, "at least", bound) or keeps(value, "at most", bound)


@given(shares, shares, shares)
def test_a_better_value_keeps_what_a_worse_one_keeps(a: float, b: float, bound: float) -> None:
    worse, better = sorted((a, b))
    assert keeps(better, "at least", bound) or not keeps(worse, "at least", bound)


def test_rounding_in_binary_decides_nothing() -> None:
    assert keeps(0.95 - 0.9, "at most", 0.05)
    assert keeps(0.1 + 0.2, "at most", 0.3)
    assert not keeps(0.3 + 1e-6, "at most", 0.3)


@given(shares, shares, st.sampled_from(get_args(Unit)))
def test_a_number_never_reads_like_a_bound_it_does_not_equal(
    value: float, bound: float, unit: Unit
) -> None:
    if abs(value - bound) > 1e-7:
        assert shown(value, unit, bound) != shown(bound, unit, value)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.97, "percent", "97.0 %"),
        (-0.006, "points", "-0.6 points"),
        (0.7, "number", "0.700"),
        (5, "ms", "5.00 ms"),
        (44.8, "MB", "44.8 MB"),
    ],
)
def test_each_unit_reads_as_in_the_documents(value: float, unit: Unit, text: str) -> None:
    assert shown(value, unit) == text


def test_an_interval_does_not_repeat_the_unit_and_undefined_says_why() -> None:
    estimate = Estimate(value=0.972, interval=(0.949, 0.985))
    assert shown_estimate(estimate, "percent") == "97.2 % [94.9, 98.5]"
    assert shown_estimate(Estimate(value=None, reason="no mistake"), "number") == (
        "undefined: no mistake"
    )
