"""Claims about alarm bounds, against simulation and independent references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from factories import healthy_facts
from seatrial.reports import render_documents
from seatrial.reports import thresholds as t
from seatrial.reports.contexts import monitoring_signals as signals

TRIALS = 2000


def test_chi_square_bound_is_the_upper_thousandth() -> None:
    assert t.chi_square_bound(10) == pytest.approx(stats.chi2.isf(0.001, 9))


def test_an_unchanged_class_mix_seldom_exceeds_either_bound() -> None:
    rng = np.random.default_rng(0)
    shares, m, n = np.array([0.5, 0.3, 0.15, 0.05]), 2000, t.WINDOW
    alarms = {"chi": 0, "psi": 0}
    for _ in range(TRIALS):
        reference = rng.multinomial(m, shares) / m
        e = np.array(t.smoothed(reference, m))
        observed = (rng.multinomial(n, shares) + 0.5) / (n + 2)
        psi = float(((observed - e) * np.log(observed / e)).sum())
        chi = float(((observed - e) ** 2 / e).sum() / (1 / n + 1 / m))
        alarms["psi"] += psi > t.stability_index_bound(4, m)
        alarms["chi"] += chi > t.chi_square_bound(4)
    assert max(alarms.values()) / TRIALS < 0.005


def test_a_changed_class_mix_exceeds_the_bound() -> None:
    e, observed = np.array([0.5, 0.5]), np.array([0.62, 0.38])
    assert ((observed - e) * np.log(observed / e)).sum() > t.stability_index_bound(2, 2000)


def test_an_unchanged_mean_leaves_its_band_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    outside = 0
    for _ in range(TRIALS):
        reference, window = rng.normal(0.9, 0.1, 400), rng.normal(0.9, 0.1, t.WINDOW)
        low, high = t.band(float(reference.mean()), float(reference.std()), 400)
        outside += not low <= window.mean() <= high
    assert outside / TRIALS < 0.01


@given(st.floats(0, 1), st.integers(1, 10**6))
def test_a_share_band_holds_the_share_and_stays_within_0_and_1(share: float, m: int) -> None:
    low, high = t.share_band(share, m)
    assert 0 <= low <= high <= 1
    assert low - 0.5 / m <= share <= high + 0.5 / m


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.integers(1, 10**5))
def test_smoothed_shares_are_all_positive(shares: list[float], m: int) -> None:
    assert all(share > 0 for share in t.smoothed(shares, m))


@pytest.mark.parametrize(("accuracy", "drop"), [(0.964, 0.05), (0.9, 0.02), (0.8, 0.1)])
def test_the_images_asked_for_show_the_drop_as_stated(accuracy: float, drop: float) -> None:
    n = t.labelled_images_needed(accuracy, drop)
    assert n is not None
    alarm = t.accuracy_alarm(accuracy, n)
    power = stats.binom.cdf(np.ceil(alarm * n) - 1, n, accuracy - drop)
    false_alarm = stats.binom.cdf(np.ceil(alarm * n) - 1, n, accuracy)
    assert power > 0.74
    assert false_alarm < 0.075


def test_a_drop_below_nothing_is_not_sized() -> None:
    assert t.labelled_images_needed(0.05, 0.1) is None


def test_bounds_follow_this_models_own_figures() -> None:
    facts = healthy_facts({"benchmark.formats.0.latencies.0.p95_ms": 3.0})
    row = signals.runtime(facts)["rows"][0]
    assert (row[1], row[-1]) == ("3.00 ms", "above 6.00 ms")
    assert facts.evaluate is not None
    quantiles = facts.evaluate.confidence_quantiles
    low, high = t.band(quantiles["mean"], quantiles["std"], facts.evaluate.n_val)
    assert signals.confidence(facts.evaluate)[0][-1] == f"below {low:.3f} or above {high:.3f}"


def test_without_confidences_the_bins_serve_and_the_bound_is_wider() -> None:
    facts = healthy_facts({"evaluate.confidence_quantiles": {}})
    assert facts.evaluate is not None
    (row,) = signals.confidence(facts.evaluate)
    assert "reliability bins" in row[2]
    assert "at most" in row[3]


def test_a_configured_normalisation_is_no_measurement() -> None:
    changes = {f"data.{name}": () for name in ("channel_mean", "channel_std", "image_mean_std")}
    configured = {"config.data.mean": (0.5,) * 3, "config.data.std": (0.5,) * 3}
    facts = healthy_facts({**changes, **configured})
    assert facts.data is not None
    assert signals.inputs(facts, facts.data)[0][1] == "not measured"
    assert "is no source of bounds" in render_documents(facts)["docs/monitoring_guide.md"]


def test_classes_too_rare_for_the_test_are_counted() -> None:
    facts = healthy_facts({"evaluate.predicted_shares": (0.999, 0.001, 0.0)})
    text = render_documents(facts)["docs/monitoring_guide.md"]
    assert "For 2 classes fewer than 5 images are expected in a window" in text
