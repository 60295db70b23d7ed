"""Which of several training processes this is. Set by ``torchrun``, read from the environment."""

from __future__ import annotations

import os

_SET_BY_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR")


def under_torchrun() -> bool:
    """Whether ``torchrun`` (``torch.distributed.run``) started this process."""
    return all(name in os.environ for name in _SET_BY_TORCHRUN)


def rank() -> int:
    """This process's number among all; 0 for the one that writes files, and when alone."""
    return int(os.environ["RANK"]) if under_torchrun() else 0


def count() -> int:
    """How many processes train together, on all machines."""
    return int(os.environ["WORLD_SIZE"]) if under_torchrun() else 1


def count_here() -> int:
    """How many of them run on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if under_torchrun() else 1
