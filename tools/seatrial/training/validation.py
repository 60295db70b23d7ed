"""A validation during training: the same logits and metrics that evaluation computes later."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seatrial import metrics
from seatrial.config.metric_names import base_name
from seatrial.training.inference import Logits, Source, batch_logits, predict_logits
from seatrial.training.order import Indices, cut, sample_weights
from seatrial.training.team import Team

SummedLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def mean_loss(
    criterion: SummedLoss,
    class_weights: Sequence[float] | None,
    logits: Logits,
    labels: Indices,
) -> float:
    """The training criterion over ``(N, K)`` logits, class weights and label smoothing as
    configured, divided by Σ w_y; in float64. NaN where a logit is not finite."""
    if not np.isfinite(logits).all():
        return math.nan
    total = criterion(torch.from_numpy(logits).double(), torch.from_numpy(labels))
    return float(total) / sample_weights(labels, class_weights)


@dataclass(frozen=True)
class Validation:
    """What a validation computes, and on which images."""

    dataset: Source
    indices: Indices
    names: tuple[str, ...]
    """``val_loss`` and so on."""
    num_classes: int
    batch_size: int
    criterion: SummedLoss
    class_weights: Sequence[float] | None

    def run(self, model: nn.Module, team: Team) -> dict[str, float | None]:
        """The metrics by name. ``val_loss`` is the training criterion: :func:`mean_loss`.

        An undefined metric is None; ``val_loss`` is NaN where a logit is not finite.
        """
        logits = self._logits(model, team)
        labels = self.dataset.labels(self.indices)
        names = [base_name(name) for name in self.names if name != "val_loss"]
        values = metrics.compute(names, logits, labels, self.num_classes)
        loss = mean_loss(self.criterion, self.class_weights, logits, labels)
        return {
            name: loss if name == "val_loss" else values[base_name(name)] for name in self.names
        }

    def _logits(self, model: nn.Module, team: Team) -> Logits:
        """Each process predicts whole batches, so that the numbers are those of one process."""
        if team.size == 1:
            return predict_logits(
                model,
                self.dataset,
                self.indices,
                batch_size=self.batch_size,
                device=team.device,
            )
        team.follow_first(model.buffers())
        places = cut(np.arange(len(self.indices)), self.batch_size)[team.rank :: team.size]
        logits = torch.zeros(len(self.indices), self.num_classes)
        parts = batch_logits(
            model, self.dataset, [self.indices[place] for place in places], device=team.device
        )
        for place, part in zip(places, parts, strict=True):
            logits[torch.from_numpy(place)] = torch.from_numpy(part)
        gathered: Logits = team.add_up(logits.to(team.device)).cpu().numpy()
        return gathered
