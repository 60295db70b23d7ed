"""Learning-rate schedules: functions of the optimiser step, counted from 0 over the whole run.

All but ``plateau`` are pure, so a resumed run needs nothing but its step. Warm-up is linear in
steps: with ``w`` warm-up steps, step ``s < w`` gets the share ``(s + 1) / (w + 1)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from seatrial.errors import ConfigurationError

_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = 1 / (25 * 1e4)
_ONE_CYCLE_RISE = 0.3
_PLATEAU_THRESHOLD = 1e-4
"""These four are torch's defaults for OneCycleLR and ReduceLROnPlateau."""


class Schedule(Protocol):
    """A learning rate for every step of a run."""

    def learning_rate(self, step: int) -> float:
        """The learning rate of optimiser step ``step``, from 0."""
        ...

    def observe(self, val_loss: float) -> None:
        """Tell the schedule a validation loss; only ``plateau`` listens."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What resuming needs, as plain data."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the state that :meth:`state_dict` gave."""
        ...


@dataclass(frozen=True)
class Settings:
    """What a schedule may read; steps are optimiser steps."""

    base: float
    steps_per_epoch: int
    total_steps: int
    warmup_steps: int
    minimum: float
    step_epochs: int
    gamma: float
    patience: int


@dataclass(frozen=True)
class ScheduleSpec:
    """A schedule: what it is and how to make it."""

    name: str
    description: str
    make: Callable[[Settings], Schedule]


@dataclass(frozen=True)
class _Pure:
    """A schedule that is a function of the step alone."""

    function: Callable[[int], float]

    def learning_rate(self, step: int) -> float:
        return self.function(step)

    def observe(self, val_loss: float) -> None:
        del val_loss

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        del state


class _Plateau:
    """The rate times ``gamma`` after ``patience`` validations without a better loss."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rate = settings.base
        self._best = math.inf
        self._without_better = 0

    def learning_rate(self, step: int) -> float:
        return self._rate * _warmup(step, self._settings.warmup_steps)

    def observe(self, val_loss: float) -> None:
        if val_loss < self._best * (1 - _PLATEAU_THRESHOLD):
            self._best, self._without_better = float(val_loss), 0
        else:
            self._without_better += 1
        if self._without_better > self._settings.patience:
            lowered = max(self._rate * self._settings.gamma, self._settings.minimum)
            self._rate, self._without_better = min(self._rate, lowered), 0

    def state_dict(self) -> dict[str, Any]:
        return {"rate": self._rate, "best": self._best, "without_better": self._without_better}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rate = float(state["rate"])
        self._best = float(state["best"])
        self._without_better = int(state["without_better"])


def _warmup(step: int, warmup_steps: int) -> float:
    return min(1.0, (step + 1) / (warmup_steps + 1))


def _constant(settings: Settings) -> Schedule:
    return _Pure(lambda step: settings.base * _warmup(step, settings.warmup_steps))


def _cosine(settings: Settings) -> Schedule:
    span = max(1, settings.total_steps - settings.warmup_steps)

    def rate(step: int) -> float:
        if step < settings.warmup_steps:
            return settings.base * _warmup(step, settings.warmup_steps)
        share = min(1.0, (step - settings.warmup_steps) / span)
        return _cosine_between(settings.base, min(settings.minimum, settings.base), share)

    return _Pure(rate)


def _step(settings: Settings) -> Schedule:
    def rate(step: int) -> float:
        drops = step // settings.steps_per_epoch // settings.step_epochs
        lowered = max(settings.base * settings.gamma**drops, settings.minimum)
        return min(settings.base, lowered) * _warmup(step, settings.warmup_steps)

    return _Pure(rate)


def _one_cycle(settings: Settings) -> Schedule:
    # A cycle has a rise of its own: warm-up, where given, sets how long it is.
    rise_steps = settings.warmup_steps or _ONE_CYCLE_RISE * settings.total_steps
    peak, last = max(rise_steps - 1, 0.0), max(settings.total_steps - 1, 1)
    start = settings.base * _ONE_CYCLE_START
    end = min(max(settings.base * _ONE_CYCLE_END, settings.minimum), settings.base)

    def rate(step: int) -> float:
        if step < peak:
            return _cosine_between(start, settings.base, step / peak)
        share = min(1.0, (step - peak) / (last - peak)) if last > peak else 0.0
        return _cosine_between(settings.base, end, share)

    return _Pure(rate)


def _cosine_between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: Mapping[str, ScheduleSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ScheduleSpec("constant", "one rate throughout", _constant),
            ScheduleSpec("cosine", "half a cosine from the rate to the least one, a step", _cosine),
            ScheduleSpec("step", "times gamma after every step_epochs epochs", _step),
            ScheduleSpec("plateau", "times gamma when the validation loss stands still", _Plateau),
            ScheduleSpec(
                "one_cycle", "a cosine rise from 1/25 of the rate, then a fall", _one_cycle
            ),
        )
    }
)


def build(
    type: str,
    *,
    base_lr: float,
    steps_per_epoch: int,
    epochs: int,
    warmup_epochs: float = 0.0,
    min_learning_rate: float = 0.0,
    step_epochs: int = 30,
    gamma: float = 0.1,
    patience: int = 5,
) -> Schedule:
    """A schedule over ``steps_per_epoch * epochs`` optimiser steps.

    ``warmup_epochs`` is rounded to whole steps; for ``one_cycle`` it is the length of the rise
    (0: three tenths of the run). ``min_learning_rate`` bounds every fall from below;
    ``step_epochs`` and ``gamma`` belong to ``step``, ``gamma`` and ``patience`` to ``plateau``.

    :raises ConfigurationError: an unknown type, or a warm-up longer than the run.
    """
    if type not in SCHEDULES:
        raise ConfigurationError(
            f"scheduler.type: one of {', '.join(SCHEDULES)} required; found {type!r}"
        )
    if warmup_epochs > epochs:
        raise ConfigurationError(
            f"scheduler.warmup_epochs: at most training.epochs ({epochs}) required; "
            f"found {warmup_epochs:g}"
        )
    steps_per_epoch = max(1, steps_per_epoch)
    return SCHEDULES[type].make(
        Settings(
            base=base_lr,
            steps_per_epoch=steps_per_epoch,
            total_steps=steps_per_epoch * epochs,
            warmup_steps=round(warmup_epochs * steps_per_epoch),
            minimum=min_learning_rate,
            step_epochs=step_epochs,
            gamma=gamma,
            patience=patience,
        )
    )
