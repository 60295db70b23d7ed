"""Optimisers against torch's own, and which parameters decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seatrial.errors import ConfigurationError
from seatrial.training import optimizers


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.Linear(5, 3)).double()


def _after_steps(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 10) -> list:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x = torch.randn(8, 6, generator=generator, dtype=torch.double)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()]


ORACLES = {
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.01, betas=(0.8, 0.99)),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.99)),
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.7, nesterov=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.01, momentum=0.7),
}


def _ours(model: nn.Module, name: str, *, fused: bool = False) -> torch.optim.Optimizer:
    return optimizers.build(
        model,
        name,
        learning_rate=0.01,
        weight_decay=0.1,
        momentum=0.7,
        nesterov=True,
        betas=(0.8, 0.99),
        fused=fused,
    )


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_ten_steps_equal_torchs_own_with_the_same_groups(name: str) -> None:
    ours, theirs = _model(), _model()
    decayed = [p for p in theirs.parameters() if p.ndim > 1]
    kept = [p for p in theirs.parameters() if p.ndim <= 1]
    oracle = ORACLES[name](
        [{"params": decayed, "weight_decay": 0.1}, {"params": kept, "weight_decay": 0.0}]
    )
    for mine, other in zip(
        _after_steps(ours, _ours(ours, name)), _after_steps(theirs, oracle), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=0, atol=0)


@pytest.mark.parametrize("name", [n for n in optimizers.OPTIMIZERS if optimizers.can_fuse(n)])
def test_the_fused_form_computes_what_the_plain_one_does(name: str) -> None:
    plain, fused = _model(), _model()
    optimizer = _ours(fused, name, fused=True)
    assert all(group["fused"] for group in optimizer.param_groups)
    for mine, other in zip(
        _after_steps(fused, optimizer), _after_steps(plain, _ours(plain, name)), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def test_biases_and_normalisation_do_not_decay_and_each_parameter_is_in_one_group() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.Flatten())
    groups = optimizers.parameter_groups(model, 0.05)
    assert [group["weight_decay"] for group in groups] == [0.05, 0.0]
    assert [id(p) for p in groups[0]["params"]] == [id(model[0].weight)]
    together = {id(p) for group in groups for p in group["params"]}
    assert together == {id(p) for p in model.parameters()}


def test_frozen_parameters_are_left_out() -> None:
    model = _model()
    model[0].requires_grad_(False)
    groups = optimizers.parameter_groups(model, 0.1)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters())) - 2


def test_what_cannot_be_built_is_a_configuration_error_that_names_the_field() -> None:
    with pytest.raises(ConfigurationError, match=r"training\.fused_optimizer"):
        _ours(_model(), "rmsprop", fused=True)
    with pytest.raises(ConfigurationError, match=r"optimizer\.type: one of adam, .*'lion'"):
        _ours(_model(), "lion")
    with pytest.raises(ConfigurationError, match=r"optimizer\.nesterov"):
        optimizers.build(
            _model(), "sgd", learning_rate=0.1, weight_decay=0, momentum=0, nesterov=True
        )
    with pytest.raises(ConfigurationError, match="no parameter"):
        _ours(_model().requires_grad_(False), "sgd")
