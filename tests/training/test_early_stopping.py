"""The best epoch, and when waiting ends."""

from __future__ import annotations

import math

import pytest

from seatrial.training.early_stopping import EarlyStopping


def watch(metric: str, values: list[float | None], **settings: object) -> EarlyStopping:
    chosen = {"enabled": True, "patience": 2, "min_delta": 0.0, **settings}
    stopping = EarlyStopping(metric, **chosen)  # type: ignore[arg-type]
    for epoch, value in enumerate(values, 1):
        stopping.observe(epoch, value)
    return stopping


@pytest.mark.parametrize(
    ("metric", "best"), [("val_loss", 2), ("val_ece", 2), ("val_acc", 3), ("val_mcc", 3)]
)
def test_the_direction_of_better_follows_the_metric(metric: str, best: int) -> None:
    assert watch(metric, [0.5, 0.1, 0.9]).best_epoch == best


def test_the_first_of_equal_epochs_is_the_best() -> None:
    assert watch("val_acc", [0.7, 0.9, 0.9]).best_epoch == 2


def test_training_stops_only_after_patience_epochs_without_a_better_value() -> None:
    stopping = watch("val_acc", [0.5, 0.6, 0.6])
    assert not stopping.should_stop(3)
    stopping.observe(4, 0.6)
    assert stopping.should_stop(4)


def test_a_gain_within_min_delta_does_not_reset_waiting_yet_is_the_best_epoch() -> None:
    stopping = watch("val_acc", [0.50, 0.505, 0.51], min_delta=0.02)
    assert stopping.should_stop(3)
    assert (stopping.best_epoch, stopping.best_value) == (3, 0.51)


def test_small_gains_that_add_up_to_more_than_min_delta_reset_waiting() -> None:
    assert not watch("val_acc", [0.50, 0.515, 0.53], min_delta=0.02).should_stop(3)


@pytest.mark.parametrize("undefined", [None, math.nan])
def test_an_undefined_value_is_never_better_but_the_first_validation_is_the_best_so_far(
    undefined: float | None,
) -> None:
    assert watch("val_auc", [undefined, undefined]).best_epoch == 1
    later = watch("val_auc", [undefined, 0.2, undefined])
    assert (later.best_epoch, later.best_value) == (2, 0.2)


def test_disabled_it_never_stops_and_still_knows_the_best() -> None:
    stopping = watch("val_loss", [1.0] * 50, enabled=False)
    assert not stopping.should_stop(50)
    assert stopping.best_epoch == 1


def test_its_state_taken_up_by_another_gives_the_same_decisions() -> None:
    first = watch("val_loss", [0.5, 0.4, 0.45])
    second = watch("val_loss", [])
    second.load_state_dict(first.state_dict())
    for epoch, value in ((4, 0.41), (5, 0.39), (6, 0.4)):
        assert first.observe(epoch, value) == second.observe(epoch, value)
        assert first.should_stop(epoch) == second.should_stop(epoch)
