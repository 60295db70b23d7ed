"""Intervals against statsmodels, published values, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from seatrial.metrics import auc, auc_interval, f1_interval, newcombe_difference, wilson
from seatrial.metrics.intervals import percentile_interval, reflected_interval


@pytest.mark.parametrize(
    ("successes", "n", "expected"),
    [(8, 10, (0.49016, 0.94332)), (95, 100, (0.88825, 0.97846))],
)
def test_wilson_gives_the_published_intervals(successes, n, expected):
    assert wilson(successes, n) == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (7, 360)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_wilson_agrees_with_statsmodels(successes, n, confidence):
    expected = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    assert wilson(successes, n, confidence) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_what_is_no_share(successes, n):
    with pytest.raises(ValueError, match="required 0 to n"):
        wilson(successes, n)


def test_newcombe_gives_the_published_interval():
    assert newcombe_difference(950, 1000, 1860, 2000) == pytest.approx((0.0015, 0.0369), abs=5e-5)


@pytest.mark.parametrize(
    "counts", [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (0, 5, 0, 9)]
)
def test_newcombe_agrees_with_statsmodels(counts):
    expected = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert newcombe_difference(*counts) == pytest.approx(expected, abs=1e-9)


def test_newcombe_turns_its_sign_with_the_order():
    low, high = newcombe_difference(90, 100, 80, 120)
    assert newcombe_difference(80, 120, 90, 100) == pytest.approx((-high, -low))


@pytest.mark.parametrize("counts", [(0, 5, 7), (5, 5, 5), (30, 40, 35), (1, 1, 1)])
def test_the_f1_interval_holds_f1_and_stays_in_range(counts):
    hits, support, predicted = counts
    low, high = f1_interval(*counts)
    assert 0 <= low <= 2 * hits / (support + predicted) <= high <= 1
    assert low < high


def test_the_f1_interval_holds_the_truth_about_as_often_as_it_says():
    random, cells = np.random.default_rng(0), np.array([0.25, 0.06, 0.04, 0.65])
    truth = 2 * 0.25 / (2 * 0.25 + 0.06 + 0.04)
    held = 0
    for hits, missed, false, _ in random.multinomial(120, cells, 2000):
        low, high = f1_interval(int(hits), int(hits + missed), int(hits + false))
        held += low <= truth <= high
    assert 0.93 < held / 2000 < 0.97


@pytest.mark.parametrize("shift", [1.0, 2.5])
def test_the_auc_interval_holds_the_truth_about_as_often_as_it_says(shift):
    from scipy.special import ndtr

    random, truth, held = np.random.default_rng(1), ndtr(shift / np.sqrt(2)), 0
    positive = np.arange(90) < 25
    for _ in range(1000):
        low, high = auc_interval(auc(random.normal(size=90) + shift * positive, positive), 25, 65)
        held += low <= truth <= high
    assert 0.93 < held / 1000 < 0.985


def test_a_perfect_ranking_of_few_leaves_room_for_doubt():
    low_few, high = auc_interval(1.0, 5, 20)
    low_many, _ = auc_interval(1.0, 50, 200)
    assert high == 1 and low_few < 0.85 < low_many < 1


def test_the_auc_interval_needs_both_kinds():
    with pytest.raises(ValueError, match="both kinds"):
        auc_interval(0.9, 0, 10)


def test_the_percentile_interval_is_the_middle_of_the_draws_and_holds_the_value():
    draws = np.arange(1000.0)
    assert percentile_interval(draws, 500.0) == (25.0, 974.0)
    assert percentile_interval(draws, 5.0) == (5.0, 974.0)


def test_the_reflected_interval_undoes_an_upward_bias():
    draws = np.linspace(0.02, 0.04, 1001)
    low, high = reflected_interval(draws, 0.025, 0.0)
    assert low == pytest.approx(0.0105, abs=1e-3) and high == pytest.approx(0.0295, abs=1e-3)
    assert reflected_interval(draws, 0.005, 0.0) == (0.0, 0.005)
