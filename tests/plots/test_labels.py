"""Names on pictures: drawable, short, and still apart."""

from __future__ import annotations

import pytest

from seatrial.plots.style import class_labels, drawable, shortened


def test_dollars_and_underscores_stay_as_they_are():
    assert drawable("$5_bill^2") == "$5_bill^2"


def test_a_decomposed_letter_is_drawn_as_one():
    assert drawable("nai\N{COMBINING DIAERESIS}ve") == "naïve"


def test_what_the_font_lacks_becomes_a_box_and_a_line_break_a_space():
    assert drawable("a漢\nb") == "a\N{WHITE SQUARE} b"


@pytest.mark.parametrize("length", [5, 8, 24])
def test_a_long_name_keeps_both_ends(length):
    short = shortened("beginning_" * 5 + "_end", length)
    assert len(short) == length and short.startswith("be") and short.endswith("nd")


def test_a_name_that_fits_is_not_touched():
    assert shortened("name", 4) == "name"


def test_names_that_would_look_alike_or_like_nothing_get_their_number():
    long = "x" * 50
    labels = class_labels(["漢字", "仮名", long + "1" + long, long + "2" + long, "cat", ""], 10)
    assert len(set(labels)) == 6
    assert labels[4] == "cat" and labels[0].startswith("0 ") and labels[5] == "5"
