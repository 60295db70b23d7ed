"""The batches of an epoch: gathered, augmented and normalised, in order, some ahead of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from seatrial.training.images import Normaliser
from seatrial.training.order import (
    Indices,
    count_training_batches,
    cut_for_training,
    permutation,
    share,
)

Pixels = npt.NDArray[np.uint8]
Augment = Callable[[Pixels, int, Indices], Pixels]
T = TypeVar("T")
R = TypeVar("R")


class Images(Protocol):
    """What training reads of a data set."""

    def pixels(self, indices: Indices) -> Pixels:
        """``(B, H, W, C)`` uint8."""
        ...

    def labels(self, indices: Indices) -> Indices:
        """``(B,)`` int64."""
        ...


@dataclass(frozen=True)
class Batch:
    """This process's share of one global batch, on the device."""

    images: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class Epoch:
    """One epoch's global batches: index arrays in the order of training."""

    number: int
    batches: list[Indices]


class Batches:
    """Makes the batches of any epoch from any point on.

    ``augment`` takes pixels, the epoch and the samples' indices, and depends on nothing else.
    """

    def __init__(
        self,
        images: Images,
        indices: Indices,
        *,
        batch_size: int,
        seed: int,
        augment: Augment | None,
        normalise: Normaliser,
        device: torch.device,
        rank: int = 0,
        processes: int = 1,
        workers: int = 0,
    ) -> None:
        self._images = images
        self._indices = indices
        self._batch_size = batch_size
        self._seed = seed
        self._augment = augment
        self._normalise = normalise
        self._device = device
        self._rank, self._processes = rank, processes
        self._workers = workers

    def __len__(self) -> int:
        """Global batches an epoch."""
        return count_training_batches(len(self._indices), self._batch_size)

    def epoch(self, number: int) -> Epoch:
        """Who is in which batch of epoch ``number``, from 1."""
        order = permutation(len(self._indices), self._seed, number)
        return Epoch(number, cut_for_training(self._indices[order], self._batch_size))

    def labels(self, batch: Indices) -> Indices:
        """The labels of a global batch."""
        return self._images.labels(batch)

    def load(self, epoch: Epoch, first: int) -> Generator[Batch]:
        """This process's share of each batch of ``epoch`` from number ``first`` on."""

        def gather(indices: Indices) -> tuple[Pixels, Indices]:
            own = share(indices, self._rank, self._processes)
            pixels = self._images.pixels(own)
            if self._augment is not None:
                pixels = self._augment(pixels, epoch.number, own)
            return pixels, self._images.labels(own)

        for pixels, labels in ahead(gather, epoch.batches[first:], self._workers):
            on_device = torch.from_numpy(labels).to(self._device, non_blocking=True)
            yield Batch(self._normalise(pixels), on_device)


def ahead(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """``map(work, items)`` in order, with up to ``workers`` results being made ahead of time in
    threads; with 0 each is made when it is asked for. The results are the same."""
    if workers == 0:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    remaining = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        try:
            for item in remaining:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
