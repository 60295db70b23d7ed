"""Health: what goes wrong is named, and healthy runs raise no alarm."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from seatrial.errors import TrainingError
from seatrial.training.health import HealthMonitor, chance_loss

TEN = [100] * 10
LN10 = math.log(10)


def _observe(monitor: HealthMonitor, train: list[float], val: list[float] | None = None) -> list:
    found = []
    for index, loss in enumerate(train):
        metrics = {} if val is None else {"val_loss": val[index]}
        found += monitor.observe_epoch(index + 1, loss, metrics)
    return found


# ---------------------------------------------------------------- not a number


@pytest.mark.parametrize(("value", "name"), [(math.nan, "not a number"), (math.inf, "infinite")])
def test_a_loss_that_is_not_finite_stops_with_epoch_batch_suspect_and_remedy(
    value: float, name: str
) -> None:
    monitor = HealthMonitor(TEN)
    monitor.observe_batch(1, 1, 2.3)
    with pytest.raises(TrainingError) as caught:
        monitor.observe_batch(3, 17, value, learning_rate=5.0)
    message = str(caught.value)
    assert message.startswith(f"epoch 3, batch 17: the loss is {name}")
    assert "learning rate is suspect" in message
    assert "lower optimizer.learning_rate (now 5) tenfold" in message
    assert "\n" not in message


def test_bad_input_is_told_from_a_bad_step() -> None:
    images = torch.zeros(2, 1, 4, 4)
    images[1, 0, 2, 2] = math.nan
    with pytest.raises(TrainingError, match="the input itself holds values that are not finite"):
        HealthMonitor(TEN).observe_batch(1, 1, math.nan, images=images)
    with pytest.raises(TrainingError, match="before the first step"):
        HealthMonitor(TEN).observe_batch(1, 1, math.nan, images=torch.zeros(2, 1, 4, 4))


def test_half_precision_is_named_as_the_suspect() -> None:
    monitor = HealthMonitor(TEN)
    monitor.observe_batch(1, 1, 2.3, precision="fp16")
    with pytest.raises(TrainingError, match=r"fp16 overflows above 65504; set training\.precision"):
        monitor.observe_batch(1, 2, math.inf, precision="fp16")


@pytest.mark.parametrize("train_is_bad", [True, False])
def test_an_epoch_whose_loss_is_not_finite_stops(train_is_bad: bool) -> None:
    train, val = (math.nan, 1.0) if train_is_bad else (1.0, math.nan)
    with pytest.raises(TrainingError, match=r"epoch 4: the (training|validation) loss is not a"):
        HealthMonitor(TEN).observe_epoch(4, train, {"val_loss": val})


# ---------------------------------------------------------------- divergence


def test_a_loss_that_runs_away_within_an_epoch_stops_at_the_batch() -> None:
    monitor = HealthMonitor(TEN)
    monitor.observe_batch(1, 1, 2.3)
    with pytest.raises(TrainingError, match=r"epoch 1, batch 21: training diverged: the loss is"):
        for batch in range(2, 100):
            monitor.observe_batch(1, batch, 1e4)


def test_spikes_with_recovery_are_no_divergence() -> None:
    monitor = HealthMonitor(TEN)
    for batch in range(1, 200):
        monitor.observe_batch(1, batch, 1e4 if batch % 10 else 2.0)
    assert not _observe(monitor, [2.0, 1.0, 3.0, 2.5, 0.9, 0.8])


def test_losing_what_was_learned_is_divergence_and_recovery_closes_it() -> None:
    monitor = HealthMonitor(TEN)
    found = _observe(monitor, [2.0, 1.0, 0.5, 2.6, 2.7, 2.8])
    assert [(d.kind, d.critical, d.epoch) for d in found] == [("divergence", True, 6)]
    assert monitor.diagnoses == tuple(found)
    monitor.observe_epoch(7, 0.6, {})
    assert monitor.diagnoses == ()


# ---------------------------------------------------------------- stalled, not learning


def test_a_loss_that_stays_at_chance_is_stalled_after_five_epochs() -> None:
    monitor = HealthMonitor(TEN)
    found = _observe(monitor, [2.35, 2.31, 2.304, 2.303, 2.303, 2.302])
    assert [(d.kind, d.critical, d.epoch) for d in found] == [("stalled", True, 5)]
    monitor.observe_epoch(7, 1.9, {})
    assert monitor.diagnoses == ()


def test_warm_up_is_not_held_against_a_run() -> None:
    monitor = HealthMonitor(TEN, warmup_epochs=2.5)
    assert [d.epoch for d in _observe(monitor, [2.3] * 9)] == [8]


def test_learning_the_class_shares_alone_is_not_learning() -> None:
    counts = [900, 50, 50]
    shares = np.array(counts) / 1000
    entropy = float(-(shares * np.log(shares)).sum())
    monitor = HealthMonitor(counts)
    assert [d.kind for d in _observe(monitor, [1.0, 0.6, 0.4, 0.395, 0.3945, 0.3945])] == [
        "stalled"
    ]
    assert chance_loss(counts, None, 0) == pytest.approx(entropy)
    assert [d.kind for d in monitor.conclude(6, 0.3945, 0.9)] == ["not_learning"]


def test_a_final_accuracy_above_the_largest_class_is_learning() -> None:
    monitor = HealthMonitor([900, 50, 50])
    assert monitor.conclude(6, 0.3, 0.93) == []
    weighted = HealthMonitor([900, 50, 50], class_weights=[0.37, 6.7, 6.7])
    assert weighted.conclude(6, 0.3, 0.85) == []
    assert [d.kind for d in weighted.conclude(6, 1.0985, 0.4)] == ["not_learning"]


@pytest.mark.parametrize("weights", [None, [3.0, 1.0, 0.4]])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_chance_is_the_least_loss_of_a_constant_answer(
    weights: list[float] | None, smoothing: float
) -> None:
    counts = [5, 20, 75]
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
    logits = torch.zeros(3, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(
            logits.expand(100, 3),
            labels,
            label_smoothing=smoothing,
            weight=None if weights is None else torch.tensor(weights, dtype=torch.double),
        )
        loss.backward()
        return loss

    optimizer.step(closure)
    found = chance_loss(counts, weights, smoothing)
    assert found == pytest.approx(closure().item(), abs=1e-9)


# ---------------------------------------------------------------- overfitting


def test_a_rising_validation_loss_while_training_improves_is_noted_not_critical() -> None:
    train = [1.5, 0.8, 0.4, 0.2, 0.1, 0.05, 0.02]
    val = [1.6, 1.1, 1.0, 1.4, 1.5, 1.6, 1.7]
    monitor = HealthMonitor(TEN)
    found = _observe(monitor, train, val)
    assert [(d.kind, d.critical, d.epoch) for d in found] == [("overfitting", False, 6)]


def test_noise_around_a_tiny_validation_loss_is_no_overfitting() -> None:
    generator = np.random.default_rng(0)
    train = list(0.5 * 0.8 ** np.arange(40))
    val = list(0.06 + 0.05 * generator.random(40))
    assert not _observe(HealthMonitor(TEN), train, val)


# ---------------------------------------------------------------- whole runs, and resuming


@pytest.mark.parametrize("learning_rate", [0.02, 0.1, 0.5])
def test_real_healthy_training_raises_no_alarm(learning_rate: float) -> None:
    digits = load_digits()
    images = torch.tensor(digits.data / 16.0, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    monitor = HealthMonitor(np.bincount(digits.target).tolist())
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9)
    for epoch in range(1, 21):
        losses = []
        for batch, mine in enumerate(torch.randperm(1400).split(64), start=1):
            loss = F.cross_entropy(model(images[mine]), labels[mine])
            monitor.observe_batch(epoch, batch, loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            val = F.cross_entropy(model(images[1400:]), labels[1400:]).item()
        assert monitor.observe_epoch(epoch, float(np.mean(losses)), {"val_loss": val}) == []
    assert monitor.conclude(20, losses[-1], 0.98) == []


def test_a_monitor_goes_on_from_its_state_as_if_never_interrupted() -> None:
    train = [2.0, 1.0, 0.5, 2.6, 2.7, 2.8, 2.9]
    val = [2.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    whole = HealthMonitor(TEN)
    _observe(whole, train, val)
    for cut in range(len(train)):
        first, second = HealthMonitor(TEN), HealthMonitor(TEN)
        _observe(first, train[:cut], val[:cut])
        second.load_state_dict(first.state_dict())
        for epoch in range(cut, len(train)):
            second.observe_epoch(epoch + 1, train[epoch], {"val_loss": val[epoch]})
        assert second.state_dict() == whole.state_dict()
