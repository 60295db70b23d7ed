"""An evaluation's pictures show its own mistakes, and are the same each time."""

from __future__ import annotations

import numpy as np

from seatrial.evaluation import draw


def image_of(asked):
    def of(identifier):
        asked.append(identifier)
        return np.full((8, 8, 1), len(asked), dtype=np.uint8)

    return of


def test_the_three_pictures_are_drawn_and_each_mistake_is_asked_for_once(evaluated, tmp_path):
    record, asked = evaluated(), []
    names = draw(record, tmp_path, image_of(asked))
    assert names == ("confusion_matrix.png", "reliability_diagram.png", "mistakes.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert asked == [one.id for one in record.mistakes]


def test_drawing_twice_gives_the_same_bytes(evaluated, tmp_path):
    record = evaluated()
    for folder in ("one", "two"):
        draw(record, tmp_path / folder, image_of([]))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_model_without_mistakes_has_no_picture_of_them(evaluated, tmp_path):
    names = draw(evaluated(test=(70, 1.0)), tmp_path, image_of([]))
    assert names == ("confusion_matrix.png", "reliability_diagram.png")
