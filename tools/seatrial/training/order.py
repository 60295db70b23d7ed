"""Who comes when: every order and every random choice as a function of (seed, epoch, batch).

Nothing here remembers anything, so an interrupted run goes on at any batch as if it had never
stopped, whatever the number of workers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

Indices = npt.NDArray[np.int64]


class _Stream(IntEnum):
    """Keeps the random numbers of different purposes apart."""

    order = 0
    batch = 1


def permutation(count: int, seed: int, epoch: int) -> Indices:
    """The numbers 0 to ``count`` - 1 in the order of ``epoch``, ``(count,)`` int64."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_Stream.order, epoch))
    return np.random.Generator(np.random.PCG64(sequence)).permutation(count).astype(np.int64)


def cut(order: Indices, batch_size: int) -> list[Indices]:
    """``order`` as consecutive batches; the last may be smaller."""
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def count_training_batches(images: int, batch_size: int) -> int:
    """Batches an epoch: see :func:`cut_for_training`."""
    whole, left = divmod(images, batch_size)
    return whole + (left > 1 or (left == 1 and whole == 0))


def cut_for_training(order: Indices, batch_size: int) -> list[Indices]:
    """As :func:`cut`, but a single image left over joins the batch before it: batch normalisation
    cannot train on one image where its feature map is a single value a channel."""
    count = count_training_batches(len(order), batch_size)
    bounds = [number * batch_size for number in range(count)] + [len(order)]
    return [order[first:last] for first, last in pairwise(bounds)]


def share(batch: Indices, rank: int, processes: int) -> Indices:
    """The part of a batch that one process takes: contiguous, sizes differing by one at most."""
    return np.array_split(batch, processes)[rank]


def groups(batches: int, accumulate: int) -> list[range]:
    """The numbers of the batches that make up each optimiser step of an epoch."""
    return [
        range(start, min(start + accumulate, batches)) for start in range(0, batches, accumulate)
    ]


def seed_batch(seed: int, epoch: int, batch: int, rank: int) -> None:
    """Set the global random states (torch, NumPy, Python) for one batch of one process.

    Dropout and stochastic depth draw from torch's; a user's own model may draw from any.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(_Stream.batch, epoch, batch, rank))
    seed_everything(int(sequence.generate_state(1, np.uint64)[0]))


def seed_everything(seed: int) -> None:
    """Set the global random states of torch (every device), NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def sample_weights(labels: Indices, class_weights: Sequence[float] | None) -> float:
    """Σ w_y over ``labels``: what the sum of weighted losses is divided by."""
    if class_weights is None:
        return float(len(labels))
    return float(np.asarray(class_weights, dtype=np.float64)[labels].sum())
