"""Cross entropy with class weights and label smoothing."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

Reduction = Literal["none", "mean", "sum"]


def cross_entropy(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    weight: torch.Tensor | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> torch.Tensor:
    """``-Σ_k q_k w_k log p_k`` with ``q = (1 - s) onehot(y) + s / K`` and ``p = softmax(logits)``.

    :param logits: ``(N, K)`` floating point; finite for any finite values, also of ±1000.
    :param labels: ``(N,)`` int64 in ``0 … K-1``.
    :param weight: ``(K,)`` one weight a class, or None for ones.
    :param label_smoothing: s in [0, 1) (Szegedy et al. 2016, arXiv 1512.00567, section 7).
    :param reduction: ``none`` gives ``(N,)``; ``sum`` adds them up; ``mean`` divides the sum by
        ``Σ w_y``, so that it does not depend on how a set is cut into batches of equal weight.
        Of an empty batch the sum and the mean are 0, with a gradient of zeros.
    :return: in nats; a scalar unless ``reduction`` is ``none``.
    """
    each: torch.Tensor = nn.functional.cross_entropy(
        logits, labels, weight=weight, label_smoothing=label_smoothing, reduction="none"
    )
    if reduction == "none":
        return each
    total = each.sum()
    if reduction == "sum" or len(labels) == 0:
        return total
    return total / (len(labels) if weight is None else weight[labels].sum())
