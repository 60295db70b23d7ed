"""Which epochs keep a checkpoint."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.training.retention import kept_epochs, top

values = st.dictionaries(
    st.integers(1, 30), st.one_of(st.none(), st.floats(0, 1, allow_nan=False)), max_size=20
)


@given(values, st.integers(0, 5), st.sampled_from(["val_loss", "val_acc"]))
def test_top_is_a_sorted_list_cut_off(
    history: dict[int, float | None], k: int, metric: str
) -> None:
    sign = 1 if metric == "val_loss" else -1
    defined = [(sign * value, epoch) for epoch, value in history.items() if value is not None]
    assert top(history, metric, k) == {epoch for _, epoch in sorted(defined)[:k]}


def test_every_nth_epoch_is_kept_beside_the_best() -> None:
    history = {1: 0.1, 2: 0.9, 3: 0.2, 4: 0.3, 5: 0.4}
    kept = kept_epochs(history, "val_acc", finished=5, every=2, top_k=1)
    assert kept == {2, 4}
    assert kept_epochs(history, "val_acc", finished=5, every=None, top_k=2) == {2, 5}
    assert kept_epochs(history, "val_acc", finished=5, every=None, top_k=0) == set()
