"""Cross entropy against its definition, torch's own, and the identities it must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from seatrial import losses
from seatrial.errors import ConfigurationError
from seatrial.losses.cross_entropy import Reduction, cross_entropy

WEIGHTS = (0.5, 1.0, 2.0, 4.0)


def example(n: int = 12, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, 4, generator=generator, dtype=dtype)
    return logits, torch.arange(n) % 4


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_it_is_the_definition(
    smoothing: float, weights: tuple[float, ...] | None, reduction: Reduction
) -> None:
    logits, labels = example()
    loss = losses.build(
        "cross_entropy",
        num_classes=4,
        label_smoothing=smoothing,
        class_weights=weights,
        reduction=reduction,
    )
    w = torch.ones(4, dtype=torch.float64) if weights is None else torch.tensor(weights).double()
    target = (1 - smoothing) * torch.eye(4).double()[labels] + smoothing / 4
    each = -(target * w * (logits.exp() / logits.exp().sum(1, keepdim=True)).log()).sum(1)
    expected = {"none": each, "sum": each.sum(), "mean": each.sum() / w[labels].sum()}[reduction]
    assert torch.allclose(loss(logits, labels), expected, atol=1e-12)


def test_the_weighted_mean_is_not_the_plain_mean() -> None:
    logits, labels = example()
    loss = losses.build("cross_entropy", num_classes=4, class_weights=WEIGHTS)
    each = losses.build("cross_entropy", num_classes=4, class_weights=WEIGHTS, reduction="none")
    assert not torch.isclose(loss(logits, labels), each(logits, labels).mean())


def test_the_mean_does_not_depend_on_the_batch_size() -> None:
    logits, labels = example(16)
    loss = losses.build("cross_entropy", num_classes=4, class_weights=WEIGHTS)
    halves = [loss(logits[half], labels[half]) for half in (slice(8), slice(8, 16))]
    assert torch.isclose(torch.stack(halves).mean(), loss(logits, labels), atol=1e-12)


@pytest.mark.parametrize("value", [-1000.0, 1000.0])
def test_extreme_logits_give_finite_values_and_gradients(value: float) -> None:
    logits = torch.zeros(4, 4)
    logits[:, 0] = value
    logits.requires_grad_()
    loss = losses.build("cross_entropy", num_classes=4, class_weights=WEIGHTS, label_smoothing=0.1)
    found = loss(logits, torch.arange(4))
    found.backward()
    assert math.isfinite(found.item())
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_empty_batch_is_zero_and_has_a_gradient(reduction: Reduction) -> None:
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = losses.build("cross_entropy", num_classes=4, class_weights=WEIGHTS, reduction=reduction)
    found = loss(logits, torch.zeros(0, dtype=torch.int64))
    found.backward()
    assert found.item() == 0.0
    assert logits.grad is not None
    assert logits.grad.shape == (0, 4)


def test_gradients_are_those_of_finite_differences() -> None:
    logits, labels = example(5)
    weight = torch.tensor(WEIGHTS).double()
    assert torch.autograd.gradcheck(
        lambda z: cross_entropy(z, labels, weight=weight, label_smoothing=0.2),
        logits.requires_grad_(),
    )


def test_the_loss_falls_as_confidence_in_the_truth_rises() -> None:
    loss = losses.build("cross_entropy", num_classes=2)
    values = [
        loss(torch.tensor([[z, 0.0]]), torch.tensor([0])).item() for z in (-2.0, 0.0, 1.0, 5.0)
    ]
    assert values == sorted(values, reverse=True)


def test_two_classes_are_binary_cross_entropy_of_the_difference() -> None:
    logits = torch.tensor([[0.3, -1.2], [2.0, 0.5]], dtype=torch.float64)
    labels = torch.tensor([0, 1])
    binary = torch.nn.functional.binary_cross_entropy_with_logits(
        logits[:, 1] - logits[:, 0], labels.double()
    )
    found = losses.build("cross_entropy", num_classes=2)(logits, labels)
    assert torch.isclose(found, binary, atol=1e-12)


def test_balanced_weights_are_scikit_learns() -> None:
    labels = [0] * 10 + [1] * 30 + [2] * 5
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert losses.balanced_weights([10, 30, 5]) == pytest.approx(tuple(expected))
    with pytest.raises(ValueError, match="at least one image a class"):
        losses.balanced_weights([3, 0])


def test_an_unknown_loss_or_a_wrong_number_of_weights_is_named() -> None:
    with pytest.raises(ConfigurationError, match="did you mean cross_entropy"):
        losses.build("cross_entropi", num_classes=2)
    with pytest.raises(ConfigurationError, match="2 weights required"):
        losses.build("cross_entropy", num_classes=2, class_weights=[1.0])
