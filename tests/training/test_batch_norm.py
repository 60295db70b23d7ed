"""Shared batch-norm statistics: real processes against one, and the layer against torch's own."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seatrial.training.batch_norm import SharedBatchNorm, share_statistics

WORKER = Path(__file__).with_name("batch_norm_worker.py")
alone = runpy.run_path(str(WORKER))["train"]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Tensor]]]:
    """What each of two processes holds after training with the other."""
    folder = tmp_path_factory.mktemp("processes")
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(rank), str(folder / "meet"), f"{folder}/{rank}.pt"],
            env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def _largest_difference(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    assert list(first) == list(second)
    return max(
        float((a.double() - b.double()).abs().max())
        for a, b in zip(first.values(), second.values(), strict=True)
    )


def test_two_processes_with_uneven_batches_train_as_one_does(together: list) -> None:
    whole = alone(None, steps=20, shared=False)
    assert _largest_difference(together[0]["shared"], whole) < 1e-9
    assert _largest_difference(together[0]["shared"], together[1]["shared"]) == 0


def test_without_sharing_two_processes_train_something_else(together: list) -> None:
    whole = alone(None, steps=1, shared=False)
    assert _largest_difference(together[0]["plain"], whole) > 1e-4


def test_one_step_in_float32_agrees_to_a_millionth(together: list) -> None:
    whole = alone(None, steps=1, shared=False, dtype=torch.float32)
    for name, tensor in whole.items():
        torch.testing.assert_close(
            together[0]["float32"][name], tensor, rtol=0, atol=1e-6 * float(tensor.abs().max())
        )


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()),
        nn.Flatten(),
        nn.BatchNorm1d(16, momentum=None),
        nn.Linear(16, 2),
    )


def test_in_one_process_it_is_torchs_layer_bit_for_bit_in_both_modes() -> None:
    plain, shared = _net(), share_statistics(_net())
    assert sum(isinstance(m, SharedBatchNorm) for m in shared.modules()) == 2
    images = torch.randn(6, 3, 4, 4)
    for mode in (True, False):
        plain.train(mode)
        shared.train(mode)
        assert torch.equal(plain(images), shared(images))
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, shared.state_dict()[name])


def test_parameters_buffers_and_names_stay_the_same_objects() -> None:
    model = _net()
    before = dict(model.state_dict(keep_vars=True))
    after = dict(share_statistics(model).state_dict(keep_vars=True))
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)


def test_a_lone_layer_is_replaced_and_mode_and_settings_are_kept() -> None:
    layer = nn.BatchNorm2d(5, eps=0.1, momentum=0.3, track_running_stats=False).eval()
    shared = share_statistics(layer)
    assert isinstance(shared, SharedBatchNorm)
    assert not shared.training
    assert (shared.eps, shared.momentum, shared.track_running_stats) == (0.1, 0.3, False)
    assert share_statistics(shared) is shared
