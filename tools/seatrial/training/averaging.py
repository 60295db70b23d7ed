"""An exponential moving average of a model's weights and of its buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class ExponentialAverage:
    """``average ← d · average + (1 - d) · model`` after every optimiser step.

    ``d`` is ``min(decay, (1 + n) / (10 + n))`` at update ``n`` from 1, so that a short run's
    average is not held by its first weights. Buffers of floating type (running statistics) are
    averaged as the weights are; others (counters) are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model = model
        self._decay = decay
        self._updates = 0
        self._average = {name: t.detach().clone() for name, t in _tensors(model).items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the model's present weights into the average."""
        self._updates += 1
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        present = _tensors(self._model)
        floating = [name for name, tensor in present.items() if tensor.is_floating_point()]
        torch._foreach_lerp_(
            [self._average[name] for name in floating],
            [present[name].detach() for name in floating],
            1 - decay,
        )
        for name, tensor in present.items():
            if not tensor.is_floating_point():
                self._average[name].copy_(tensor)

    @contextmanager
    def swapped_in(self) -> Iterator[nn.Module]:
        """The model with the averaged weights; its own, bit for bit, when the block ends."""
        own = {name: tensor.detach().clone() for name, tensor in _tensors(self._model).items()}
        _copy_into(self._model, self._average)
        try:
            yield self._model
        finally:
            _copy_into(self._model, own)

    def state_dict(self) -> dict[str, Any]:
        """The average and what resuming needs: tensors and plain data."""
        return {"updates": self._updates, "average": dict(self._average)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the state that :meth:`state_dict` gave for the same architecture."""
        self._updates = int(state["updates"])
        for name, tensor in self._average.items():
            tensor.copy_(state["average"][name])


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """What the model's own state dict holds, by the same names, without copies."""
    return dict(model.state_dict(keep_vars=True))


@torch.no_grad()
def _copy_into(model: nn.Module, values: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in _tensors(model).items():
        tensor.copy_(values[name])
