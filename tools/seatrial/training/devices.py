"""Device, threads and determinism: what the numbers depend on beside seed and data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic

from seatrial.errors import ConfigurationError, TrainingError
from seatrial.machine import usable_cores

_MEMORY_MESSAGES = ("not enough memory", "can't allocate memory", "out of memory")


def resolve_device(name: str) -> str:
    """``auto`` as the best device there is; any other name checked to exist.

    :raises ConfigurationError: a GPU is asked for and there is none, or none of that number.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name.startswith("cuda"):
        number = int(name.partition(":")[2] or 0)
        if number >= found:
            raise ConfigurationError(
                f"training.device: {name} required, but torch finds {found or 'no'} CUDA "
                f"device{'' if found == 1 else 's'} here; set it to cpu or auto"
            )
    if name == "mps" and not torch.backends.mps.is_available():
        raise ConfigurationError(
            "training.device: mps required, but there is none here; set it to cpu or auto"
        )
    return name


def check_precision(precision: str, device: str) -> None:
    """:raises ConfigurationError: a precision that the device cannot train in."""
    if precision == "fp16" and not device.startswith("cuda"):
        raise ConfigurationError(
            f"training.precision: fp16 needs a CUDA device, found {device}; set it to bf16 or fp32"
        )
    if precision == "fp64" and device == "mps":
        raise ConfigurationError("training.precision: mps has no fp64; set it to fp32")


def default_threads(processes: int) -> int:
    """The usable cores, shared out between the processes of this machine; at least 1."""
    return max(1, usable_cores() // processes)


@contextmanager
def settled(*, threads: int, deterministic: bool) -> Iterator[None]:
    """Within the block torch computes with ``threads`` threads and, where asked, only with
    algorithms that give the same bits every time. The settings before come back after it.

    :raises ConfigurationError: the model needs an operation without a deterministic form.
    """
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
    )
    # cuBLAS reads it when its first handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic
    # Filling every new tensor with NaN would find a bug in torch, not in a training, and costs.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    except RuntimeError as error:
        if "deterministic implementation" not in str(error):
            raise
        raise ConfigurationError(
            "reproducibility.deterministic: true, but this model needs an operation without a "
            f"deterministic form on this device ({str(error).splitlines()[0]}); "
            "set it to false or train on cpu"
        ) from error
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=before[2])
        torch.backends.cudnn.benchmark = before[3]
        torch.utils.deterministic.fill_uninitialized_memory = before[4]  # type: ignore[attr-defined]


@contextmanager
def memory_errors(
    *, batch_size: int, accumulate: int, shape: tuple[int, int, int], device: str, doing: str
) -> Iterator[None]:
    """Turn running out of memory into a :class:`TrainingError` that names the batch size.

    ``shape`` is (channels, height, width).
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        out = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not out and not any(text in str(error).lower() for text in _MEMORY_MESSAGES):
            raise
        size = "x".join(str(side) for side in shape)
        remedy = (
            f"set training.batch_size={max(1, batch_size // 2)} "
            f"training.accumulate_batches={accumulate * 2}, which keeps the images a step"
            if batch_size > 1
            else "use a smaller model.architecture or data.image_size"
        )
        raise TrainingError(
            f"training.batch_size: {doing} with {batch_size} images of {size} does not fit the "
            f"memory of {device}; {remedy}"
        ) from error
