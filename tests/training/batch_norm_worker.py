"""Trains a small network in one of two processes; run by test_batch_norm as a script.

Arguments: rank, rendezvous file, output file. Every step's batch of eight is cut unevenly, once so
that a process gets nothing.
"""

from __future__ import annotations

import os
import sys

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from seatrial.training.batch_norm import share_statistics

CUTS = ((5, 8), (8, 8), (1, 8), (4, 8))


def network(dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2),
        nn.BatchNorm2d(6, momentum=None),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 8),
        nn.BatchNorm1d(8, affine=False),
        nn.Linear(8, 3),
    ).to(dtype)


def train(
    rank: int | None, *, steps: int, shared: bool, dtype: torch.dtype = torch.float64
) -> dict[str, Tensor]:
    """The state after SGD on the whole batches; ``rank`` None: one process does it alone."""
    model = share_statistics(network(dtype)) if shared else network(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        images = torch.randn(8, 1, 8, 8, generator=generator, dtype=torch.float64).to(dtype)
        labels = torch.randint(0, 3, (8,), generator=generator)
        first, last = (0, 8) if rank is None else (0, *CUTS[step % 4])[rank : rank + 2]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[first:last]), labels[first:last], reduction="sum") / 8
        loss.backward()
        if rank is not None:
            for parameter in model.parameters():
                dist.all_reduce(parameter.grad)
        optimizer.step()
    return model.state_dict()


def main() -> None:
    rank, rendezvous, output = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    states = {
        "shared": train(rank, steps=20, shared=True),
        "plain": train(rank, steps=1, shared=False),
        "float32": train(rank, steps=1, shared=True, dtype=torch.float32),
    }
    torch.save(states, output)
    dist.barrier()
    dist.destroy_process_group()
    # Teardown of the interpreter now and then aborts in gloo's threads; the results are written.
    os._exit(0)


if __name__ == "__main__":
    main()
