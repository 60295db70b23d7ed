"""A model's answers to many images: the one way that validation, evaluation and export go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from seatrial.evidence.records import Preprocessing
from seatrial.training.batches import Images, ahead
from seatrial.training.images import Normaliser, uses_channels_last
from seatrial.training.order import Indices, cut

Emit = Callable[[dict[str, object]], None]
Logits = npt.NDArray[np.float32]
_SECONDS_BETWEEN_EVENTS = 0.5


class Source(Images, Protocol):
    """What inference reads of a data set."""

    @property
    def spec(self) -> Preprocessing:
        """What happens to an image before the model."""
        ...

    @property
    def streamed(self) -> bool:
        """Whether pixels are decoded at each call."""
        ...


def predict_logits(
    model: nn.Module,
    dataset: Source,
    indices: Indices,
    *,
    batch_size: int,
    device: str | torch.device,
    emit: Emit | None = None,
) -> Logits:
    """``(N, K)`` float32: the model's logits for ``indices``, in their order.

    In evaluation mode, without autocast, in the model's own precision and memory format. The
    model is moved to ``device``; its mode is as before afterwards. The same call gives the same
    bits at the same thread count. ``emit`` gets ``{"event": "predict", "done", "total"}`` at most
    twice a second.

    :raises ValueError: no indices.
    """
    if len(indices) == 0:
        raise ValueError("indices: at least one image required; found none")
    batches = cut(indices, batch_size)
    parts, done, last_event = [], 0, time.monotonic()
    for logits in batch_logits(model, dataset, batches, device=device):
        parts.append(logits)
        done += len(logits)
        if emit is not None and time.monotonic() - last_event >= _SECONDS_BETWEEN_EVENTS:
            last_event = time.monotonic()
            emit({"event": "predict", "done": done, "total": len(indices)})
    return np.concatenate(parts)


def batch_logits(
    model: nn.Module, dataset: Source, batches: Sequence[Indices], *, device: str | torch.device
) -> Iterator[Logits]:
    """The logits of each batch in turn, ``(B, K)`` float32. The model is moved to ``device``."""
    weight = next(model.to(device).parameters())
    normalise = Normaliser(
        dataset.spec,
        torch.device(device),
        channels_last=uses_channels_last(model),
        dtype=weight.dtype,
    )
    for pixels in ahead(dataset.pixels, batches, 1 if dataset.streamed else 0):
        with evaluating(model), torch.inference_mode():
            yield model(normalise(pixels)).float().cpu().numpy()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; every module's own mode after it."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
