"""Which epoch is the best so far, and when waiting for a better one has gone on long enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from seatrial.config.metric_names import LOWER_IS_BETTER, base_name


def better(metric: str, value: float, than: float | None, by: float = 0.0) -> bool:
    """Whether ``value`` of ``metric`` (such as ``val_loss``) is better ``than`` another by more
    than ``by``. Anything is better than None."""
    if than is None:
        return True
    gain = than - value if base_name(metric) in LOWER_IS_BETTER else value - than
    return gain > by


@dataclass
class _State:
    best_epoch: int = 0
    best_value: float | None = None
    waiting_since: int = 0
    value_to_beat: float | None = None


class EarlyStopping:
    """Watches one validation metric.

    The best epoch is the first with the best value. Training may stop ``patience`` epochs after
    the last one that was better than all before by more than ``min_delta``; an undefined value
    is never better.
    """

    def __init__(self, metric: str, *, enabled: bool, patience: int, min_delta: float) -> None:
        self.metric = metric
        self._enabled = enabled
        self._patience = patience
        self._min_delta = min_delta
        self._state = _State()

    @property
    def best_epoch(self) -> int:
        """Counted from 1; 0 before the first validation."""
        return self._state.best_epoch

    @property
    def best_value(self) -> float | None:
        """The metric at the best epoch; None while it was never defined."""
        return self._state.best_value

    def observe(self, epoch: int, value: float | None) -> bool:
        """Take note of a validation; whether it is the best so far. The very first one is."""
        state = self._state
        first = state.best_epoch == 0
        defined = value is not None and math.isfinite(value)
        if first:
            state.best_epoch = state.waiting_since = epoch
        if not defined:
            return first
        assert value is not None
        if better(self.metric, value, state.value_to_beat, self._min_delta):
            state.value_to_beat, state.waiting_since = value, epoch
        if not better(self.metric, value, state.best_value):
            return first
        state.best_value, state.best_epoch = value, epoch
        return True

    def should_stop(self, epoch: int) -> bool:
        """Whether training may end after ``epoch``."""
        return self._enabled and epoch - self._state.waiting_since >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """What resuming needs, as plain data."""
        return asdict(self._state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the state that :meth:`state_dict` gave."""
        self._state = _State(**state)
