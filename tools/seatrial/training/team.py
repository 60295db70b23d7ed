"""The processes that train together, through Lightning Fabric; a single one is a team as well."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from seatrial.training import processes

_PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
    # 32-true converts nothing, and in fp64 model and images are float64 already; Fabric's own
    # 64-true would round the logits to float32.
    "fp64": "32-true",
}


@dataclass(frozen=True)
class Team:
    """Fabric, and the few collective operations that training needs."""

    fabric: Fabric
    rank: int
    size: int

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.fabric.device

    def set_up(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
        """Model and optimiser as the processes share them."""
        with warnings.catch_warnings():
            # Fabric has no other name for the argument; newer versions of torch warn of it.
            warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")
            module, wrapped = self.fabric.setup(model, optimizer)
        return module, wrapped

    def add_up(self, tensor: torch.Tensor) -> torch.Tensor:
        """``tensor`` summed over the processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def totals(self, *values: float) -> list[float]:
        """Each value summed over the processes, in float64."""
        if self.size == 1:
            return list(values)
        summed = torch.tensor(values, dtype=torch.float64, device=self.device)
        result: list[float] = self.add_up(summed).tolist()
        return result

    def meet(self) -> None:
        """Wait until every process is here."""
        self.totals(0.0)

    def follow_first(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrite each tensor with the first process's."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def told_by_first(self, text: str) -> str:
        """The first process's ``text``, in every process."""
        if self.size == 1:
            return text
        content = torch.tensor(list(text.encode()), dtype=torch.uint8)
        length = torch.tensor([len(content)], device=self.device)
        self.follow_first([length])
        told = (
            content.to(self.device)
            if self.rank == 0
            else length.new_empty(int(length), dtype=torch.uint8)
        )
        self.follow_first([told])
        return bytes(told.cpu().numpy()).decode()


@contextmanager
def assembled(device: str, precision: str) -> Iterator[Team]:
    """The team this process belongs to. A process group made here is destroyed at the end: left
    standing it makes processes exit with an error. One that stands already is used and left."""
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    accelerator, _, number = device.partition(":")
    arguments: dict[str, Any] = {"devices": [int(number)] if number else 1}
    size = processes.count()
    ours = not dist.is_initialized()
    if size > 1:
        here = processes.count_here()
        arguments = {
            "devices": here,
            "num_nodes": size // here,
            # Buffers stay each process's own until a validation: shared ones are equal anyway.
            "strategy": DDPStrategy(gradient_as_bucket_view=True, broadcast_buffers=False),
        }
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning_fabric")
            fabric = Fabric(
                accelerator=accelerator,
                precision=_PRECISIONS[precision],
                **arguments,
            )
            fabric.launch()
        yield Team(fabric, fabric.global_rank, size)
    finally:
        if size > 1 and ours and dist.is_initialized():
            dist.destroy_process_group()
