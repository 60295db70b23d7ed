"""Images that calibrate and judge are spread over the classes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.export.sampling import stratified

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=120).map(np.array)


@given(labels=LABELS, count=st.integers(1, 130), seed=st.integers(0, 9))
def test_a_sample_is_distinct_sorted_repeatable_and_of_the_size_asked(
    labels: np.ndarray, count: int, seed: int
) -> None:
    chosen = stratified(labels, count, seed)
    assert len(chosen) == min(count, len(labels))
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, stratified(labels, count, seed))


@given(labels=LABELS, count=st.integers(1, 130), seed=st.integers(0, 9))
def test_each_class_has_its_share_to_within_the_number_of_classes(
    labels: np.ndarray, count: int, seed: int
) -> None:
    chosen = labels[stratified(labels, count, seed)]
    for label in np.unique(labels):
        share = min(count, len(labels)) * np.mean(labels == label)
        assert abs(int((chosen == label).sum()) - share) <= 5


def test_another_seed_takes_other_images() -> None:
    labels = np.repeat(np.arange(5), 40)
    assert stratified(labels, 20, 0).tolist() != stratified(labels, 20, 1).tolist()
