"""Devices, threads, determinism, memory."""

from __future__ import annotations

import pytest
import torch

from seatrial.errors import ConfigurationError, TrainingError
from seatrial.training.devices import (
    check_precision,
    default_threads,
    memory_errors,
    resolve_device,
    settled,
)

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")


@needs_no_gpu
@pytest.mark.parametrize("name", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"training\.device: .* required, but torch finds"):
        resolve_device(name)


def test_auto_becomes_a_device_that_exists_and_cpu_stays_cpu() -> None:
    assert resolve_device(resolve_device("auto")) == resolve_device("auto") != "auto"
    assert resolve_device("cpu") == "cpu"


def test_half_precision_without_a_gpu_is_refused_with_what_to_use() -> None:
    with pytest.raises(ConfigurationError, match="bf16 or fp32"):
        check_precision("fp16", "cpu")
    check_precision("bf16", "cpu")
    check_precision("fp16", "cuda:1")


def test_processes_share_the_cores_and_get_one_thread_at_least() -> None:
    assert default_threads(1) >= default_threads(2) >= 1
    assert default_threads(10_000) == 1


def test_settings_hold_within_the_block_and_come_back_after_it() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with settled(threads=1, deterministic=True):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_an_operation_without_a_deterministic_form_names_the_setting() -> None:
    with (
        pytest.raises(ConfigurationError, match=r"reproducibility\.deterministic"),
        settled(threads=1, deterministic=True),
    ):
        torch.zeros(4).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))


def _allocate_too_much() -> None:
    torch.empty(2**50)


def _raise_gpu_error() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize("fail", [_allocate_too_much, _raise_gpu_error])
def test_running_out_of_memory_names_the_batch_size_and_the_remedy(fail) -> None:  # type: ignore[no-untyped-def]
    with (
        pytest.raises(TrainingError) as caught,
        memory_errors(
            batch_size=64, accumulate=2, shape=(3, 32, 32), device="cpu", doing="training"
        ),
    ):
        fail()
    message = str(caught.value)
    assert message.startswith("training.batch_size: training with 64 images of 3x32x32")
    assert "training.batch_size=32 training.accumulate_batches=4" in message


def test_another_runtime_error_is_left_alone() -> None:
    with (
        pytest.raises(RuntimeError, match="shapes"),
        memory_errors(batch_size=1, accumulate=1, shape=(3, 8, 8), device="cpu", doing="training"),
    ):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
