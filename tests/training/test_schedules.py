"""Schedules against torch's schedulers as oracles."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from seatrial.errors import ConfigurationError
from seatrial.training import schedules

BASE, STEPS, EPOCHS = 0.3, 7, 9
TOTAL = STEPS * EPOCHS


def _torch_rates(
    make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], count: int, every: int = 1
) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    scheduler = make(optimizer)
    rates = []
    for step in range(count):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if (step + 1) % every == 0 and step + 1 < count:
            scheduler.step()
    return rates


def _ours(type: str, **changed: float) -> list[float]:
    schedule = schedules.build(type, base_lr=BASE, steps_per_epoch=STEPS, epochs=EPOCHS, **changed)
    return [schedule.learning_rate(step) for step in range(TOTAL)]


def test_cosine_is_torchs_cosine_annealing() -> None:
    oracle = _torch_rates(
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=TOTAL, eta_min=0.01), TOTAL
    )
    assert _ours("cosine", min_learning_rate=0.01) == pytest.approx(oracle, rel=1e-9)


def test_cosine_with_warm_up_is_torchs_linear_then_cosine() -> None:
    warm = 2 * STEPS

    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        return lr_scheduler.SequentialLR(
            optimizer,
            [
                lr_scheduler.LinearLR(optimizer, start_factor=1 / (warm + 1), total_iters=warm),
                lr_scheduler.CosineAnnealingLR(optimizer, T_max=TOTAL - warm),
            ],
            milestones=[warm],
        )

    oracle = _torch_rates(make, TOTAL)
    assert _ours("cosine", warmup_epochs=2) == pytest.approx(oracle, rel=1e-9, abs=1e-15)


def test_step_is_torchs_step_by_epoch() -> None:
    oracle = _torch_rates(lambda o: lr_scheduler.StepLR(o, 4, gamma=0.5), TOTAL, every=STEPS)
    assert _ours("step", step_epochs=4, gamma=0.5) == pytest.approx(oracle, rel=1e-12)


@pytest.mark.parametrize("warmup_epochs", [0, 2])
def test_one_cycle_is_torchs_one_cycle(warmup_epochs: int) -> None:
    share = warmup_epochs / EPOCHS or 0.3
    oracle = _torch_rates(
        lambda o: lr_scheduler.OneCycleLR(
            o, max_lr=BASE, total_steps=TOTAL, pct_start=share, cycle_momentum=False
        ),
        TOTAL,
    )
    assert _ours("one_cycle", warmup_epochs=warmup_epochs) == pytest.approx(oracle, rel=1e-9)


@given(
    losses=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=40),
    patience=st.integers(1, 4),
)
@settings(deadline=None, max_examples=40)
def test_plateau_is_torchs_plateau_for_any_losses(losses: list[float], patience: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    oracle = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=patience, min_lr=0.01)
    ours = schedules.build(
        "plateau",
        base_lr=BASE,
        steps_per_epoch=STEPS,
        epochs=40,
        min_learning_rate=0.01,
        gamma=0.3,
        patience=patience,
    )
    for epoch, loss in enumerate(losses):
        assert ours.learning_rate(epoch * STEPS) == pytest.approx(optimizer.param_groups[0]["lr"])
        oracle.step(loss)
        ours.observe(loss)


def test_plateau_goes_on_from_its_state_as_if_never_interrupted() -> None:
    def fresh() -> schedules.Schedule:
        return schedules.build(
            "plateau", base_lr=1.0, steps_per_epoch=1, epochs=20, gamma=0.5, patience=1
        )

    whole, first, second = fresh(), fresh(), fresh()
    losses = [1.0, 1.1, 1.2, 1.3, 0.9, 1.0, 1.0, 1.0]
    for loss in losses[:3]:
        first.observe(loss)
    second.load_state_dict(first.state_dict())
    for loss in losses[3:]:
        second.observe(loss)
    for loss in losses:
        whole.observe(loss)
    assert second.state_dict() == whole.state_dict()
    assert whole.learning_rate(5) < 1.0


@pytest.mark.parametrize("type", schedules.SCHEDULES)
def test_warm_up_rises_and_no_schedule_leaves_its_bounds(type: str) -> None:
    rates = _ours(type, warmup_epochs=1.5)
    warm = round(1.5 * STEPS)
    assert all(math.isfinite(rate) and 0 <= rate <= BASE + 1e-12 for rate in rates)
    assert rates[:warm] == sorted(rates[:warm])
    assert rates[0] < 0.2 * BASE
    assert max(rates) == pytest.approx(BASE, rel=0.02)


@pytest.mark.parametrize("type", schedules.SCHEDULES)
def test_a_run_of_one_step_gets_a_usable_rate(type: str) -> None:
    schedule = schedules.build(type, base_lr=BASE, steps_per_epoch=1, epochs=1)
    assert 0 < schedule.learning_rate(0) <= BASE


def test_a_bad_schedule_names_its_field() -> None:
    with pytest.raises(ConfigurationError, match=r"scheduler\.type: one of constant, .*'poly'"):
        schedules.build("poly", base_lr=1, steps_per_epoch=1, epochs=1)
    with pytest.raises(ConfigurationError, match=r"scheduler\.warmup_epochs: at most .*found 3"):
        schedules.build("cosine", base_lr=1, steps_per_epoch=1, epochs=2, warmup_epochs=3)
