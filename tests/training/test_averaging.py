"""The moving average against its recurrence, and that swapping leaves no trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seatrial.training.averaging import ExponentialAverage


def _model(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def _disturb(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    model(torch.rand(5, 1, 4, 4, generator=generator))  # moves the running statistics
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))


def test_the_average_follows_its_recurrence_with_buffers() -> None:
    model = _model()
    average = ExponentialAverage(model, decay=0.5)
    expected = {name: t.double() for name, t in model.state_dict().items()}
    for update in range(1, 13):
        _disturb(model, update)
        average.update()
        decay = min(0.5, (1 + update) / (10 + update))
        for name, tensor in model.state_dict().items():
            expected[name] = (
                decay * expected[name] + (1 - decay) * tensor.double()
                if tensor.is_floating_point()
                else tensor.double()
            )
    for name, tensor in average.state_dict()["average"].items():
        torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-5, atol=1e-6)


def test_constant_weights_are_their_own_average() -> None:
    model = _model()
    average = ExponentialAverage(model, decay=0.999)
    for _ in range(20):
        average.update()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(average.state_dict()["average"][name], tensor)


def test_swapping_in_gives_the_average_and_gives_back_every_bit_also_after_an_error() -> None:
    model = _model()
    average = ExponentialAverage(model, decay=0.9)
    _disturb(model, 1)
    average.update()
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(RuntimeError, match="inside"), average.swapped_in() as swapped:
        assert swapped is model
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, average.state_dict()["average"][name])
        assert not torch.equal(model[0].weight, own["0.weight"])
        raise RuntimeError("inside")
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, own[name])


def test_it_resumes_bit_for_bit_through_a_file_of_plain_data(tmp_path) -> None:
    model = _model()
    whole = ExponentialAverage(model, decay=0.9)
    for seed in range(3):
        _disturb(model, seed)
        whole.update()
    torch.save(whole.state_dict(), tmp_path / "average.pt")
    resumed = ExponentialAverage(_model(9), decay=0.9)
    resumed.load_state_dict(torch.load(tmp_path / "average.pt", weights_only=True))
    other = resumed._model
    other.load_state_dict(model.state_dict())
    for seed in range(3, 5):
        for each in (model, other):
            _disturb(each, seed)
        whole.update()
        resumed.update()
    for name, tensor in whole.state_dict()["average"].items():
        assert torch.equal(tensor, resumed.state_dict()["average"][name])
