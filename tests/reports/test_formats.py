"""Claims about numbers as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.evidence.records import Estimate
from seatrial.reports import formats


def test_estimate_is_a_percentage_with_its_interval() -> None:
    value = Estimate(value=0.9722, interval=(0.9494, 0.9849))
    assert formats.estimate(value, as_percent=True) == "97.2 % [94.9, 98.5]"


def test_undefined_estimate_gives_its_reason() -> None:
    value = Estimate(value=None, reason="class hull has no positives")
    assert formats.estimate(value, False) == "undefined: class hull has no positives"


@pytest.mark.parametrize(
    "text",
    [
        formats.percent(None),
        formats.points(None),
        formats.decimal(None),
        formats.milliseconds(None),
        formats.megabytes(None),
        formats.ratio(None),
        formats.p_value(None),
        formats.digest(None),
        formats.estimate(None, True),
    ],
)
def test_none_is_said_in_words(text: str) -> None:
    assert text == "not measured"


@given(st.floats(1e-5, 1 - 1e-5))
def test_a_share_strictly_between_none_and_all_is_never_shown_as_either(share: float) -> None:
    assert 0 < float(formats.percent(share).removesuffix(" %")) < 100


@given(st.floats(1e-5, 1 - 1e-5))
def test_a_score_below_1_is_never_shown_as_1(score: float) -> None:
    assert 0 < float(formats.decimal(score)) < 1


@given(st.floats(-1, 1))
def test_points_keep_their_sign_and_are_near_the_difference(difference: float) -> None:
    shown = float(formats.points(difference).removesuffix(" points"))
    assert shown == pytest.approx(100 * difference, abs=0.0501)
    assert shown == 0 or (shown > 0) == (difference > 0)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (formats.count(1797), "1,797"),
        (formats.plural(1, "image"), "1 image"),
        (formats.plural(0, "class", "classes"), "0 classes"),
        (formats.points(0.006), "+0.6 points"),
        (formats.points(0.0), "0.0 points"),
        (formats.points(-0.00001), "-0.001 points"),
        (formats.p_value(0.00001), "p < 0.001"),
        (formats.milliseconds(0.2134), "0.213 ms"),
        (formats.milliseconds(4.13), "4.13 ms"),
        (formats.milliseconds(1274.0), "1,274 ms"),
        (formats.size(44_800_000), "44.8 MB"),
        (formats.seconds(0.42), "0.4 s"),
        (formats.seconds(7500), "2 h 05 min"),
        (formats.digest("ab" * 32), "abababababab"),
        (formats.listing(["a", "b", "c"]), "a, b and c"),
        (formats.listing(["a", "b", "c"], 2), "a, b and 1 more"),
        (formats.stated("  "), "not stated"),
    ],
)
def test_forms(found: str, wanted: str) -> None:
    assert found == wanted
