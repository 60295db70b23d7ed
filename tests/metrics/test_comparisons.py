"""Tests of difference against statsmodels and published values."""

from __future__ import annotations

import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportions_ztest

from seatrial.metrics import mcnemar_exact, two_proportion_z


def test_two_samples_give_the_published_p_value():
    assert two_proportion_z(950, 1000, 1860, 2000) == pytest.approx(0.034, abs=5e-4)


@pytest.mark.parametrize("counts", [(9, 10, 3, 10), (200, 210, 350, 360), (1, 7, 5, 6)])
def test_the_z_test_agrees_with_statsmodels(counts):
    x, n, y, m = counts
    assert two_proportion_z(*counts) == pytest.approx(proportions_ztest([x, y], [n, m])[1])


@pytest.mark.parametrize("counts", [(5, 5, 9, 9), (0, 5, 0, 9)])
def test_samples_without_spread_are_no_evidence(counts):
    assert two_proportion_z(*counts) == 1


@pytest.mark.parametrize("counts", [(1, 0, 1, 1), (3, 2, 1, 1), (-1, 2, 1, 1)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="required 0 to n"):
        two_proportion_z(*counts)


def test_paired_decisions_give_the_published_p_values():
    assert mcnemar_exact(2, 10) == pytest.approx(0.038574, abs=5e-7)
    assert mcnemar_exact(2, 10, mid=True) == pytest.approx(0.02246, abs=5e-6)


@pytest.mark.parametrize(("b", "c"), [(0, 1), (0, 7), (5, 5), (3, 9), (40, 20), (400, 300)])
def test_mcnemar_agrees_with_statsmodels_either_way_round(b, c):
    expected = mcnemar([[50, b], [c, 10]], exact=True).pvalue
    assert mcnemar_exact(b, c) == pytest.approx(expected)
    assert mcnemar_exact(c, b) == mcnemar_exact(b, c)


def test_without_a_differing_decision_there_is_no_evidence():
    assert mcnemar_exact(0, 0) == 1 and mcnemar_exact(0, 0, mid=True) == 1


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="required counts"):
        mcnemar_exact(-1, 3)
