"""Everything that changes while training, and its one form as a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from lightning_fabric.plugins import Precision
from torch import nn

from seatrial import __version__
from seatrial.evidence.records import Epoch
from seatrial.training.averaging import ExponentialAverage
from seatrial.training.checkpoints import FORMAT_VERSION, Content
from seatrial.training.early_stopping import EarlyStopping
from seatrial.training.health import HealthMonitor
from seatrial.training.schedules import Schedule


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to."""

    architecture: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    """Channels, height, width."""
    config_digest: str
    """Of every part of the configuration that the weights depend on."""
    dataset_digest: str
    monitor: str

    def content(self) -> Content:
        """As plain data."""
        plain = asdict(self)
        return {**plain, "classes": list(self.classes), "input_shape": list(self.input_shape)}


@dataclass
class Progress:
    """Where training stands, and the figures of the epoch that is under way."""

    epoch: int = 1
    """The epoch under way, from 1."""
    batch: int = 0
    """The next batch of it; always the first of an optimiser step."""
    step: int = 0
    """Optimiser steps done."""
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    correct: float = 0.0
    seen: int = 0
    training_seconds: float = 0.0
    """Spent training in the epoch under way, in all attempts."""
    seconds: float = 0.0
    """Spent on the epochs before it, validations included, in all attempts."""
    resumed_at: list[int] = field(default_factory=list)

    def next_epoch(self, seconds: float) -> Progress:
        """At the start of the epoch after this one, which took ``seconds``."""
        return Progress(
            epoch=self.epoch + 1,
            step=self.step,
            seconds=self.seconds + seconds,
            resumed_at=self.resumed_at,
        )


@dataclass
class Learner:
    """The objects that a training run changes."""

    model: nn.Module
    """Bare: not wrapped, not compiled."""
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    average: ExponentialAverage | None
    health: HealthMonitor
    stopping: EarlyStopping
    precision: Precision
    """Holds the loss scale of fp16; nothing otherwise."""
    progress: Progress = field(default_factory=Progress)
    history: list[Epoch] = field(default_factory=list)


def capture(learner: Learner, identity: Identity) -> Content:
    """The checkpoint of this moment: references, not copies.

    ``epoch`` counts the epochs done and ``step`` the optimiser steps; ``sampler`` is where the
    next batch stands; ``metrics`` and ``val_acc`` are of the last validation.
    ``model_state_dict`` are the weights that are evaluated: the average where there is one, and
    then ``raw_model_state_dict`` are those that training goes on from.
    """
    validated = [epoch for epoch in learner.history if epoch.metrics]
    metrics = dict(validated[-1].metrics) if validated else {}
    content: Content = {
        "format_version": FORMAT_VERSION,
        "seatrial_version": __version__,
        "torch_version": str(torch.__version__),
        **identity.content(),
        "model_state_dict": dict(learner.model.state_dict()),
        "optimizer_state_dict": learner.optimizer.state_dict(),
        "scheduler_state_dict": learner.schedule.state_dict(),
        "precision_state_dict": learner.precision.state_dict(),
        "health_state_dict": learner.health.state_dict(),
        "early_stopping_state_dict": learner.stopping.state_dict(),
        "average_state_dict": None,
        "epoch": len(learner.history),
        "step": learner.progress.step,
        "sampler": {"epoch": learner.progress.epoch, "batch": learner.progress.batch},
        "progress": asdict(learner.progress),
        "history": [epoch.model_dump() for epoch in learner.history],
        "metrics": metrics,
        "val_acc": metrics.get("val_acc"),
        "random_states": _random_states(),
    }
    if learner.average is not None:
        state = learner.average.state_dict()
        content["raw_model_state_dict"] = content["model_state_dict"]
        content["model_state_dict"] = state.pop("average")
        content["average_state_dict"] = state
    return content


def restore(learner: Learner, content: Content) -> None:
    """Bring newly built objects to the state of a checkpoint of the same configuration."""
    raw = "model_state_dict" if learner.average is None else "raw_model_state_dict"
    learner.model.load_state_dict(content[raw])
    learner.optimizer.load_state_dict(content["optimizer_state_dict"])
    learner.schedule.load_state_dict(content["scheduler_state_dict"])
    learner.precision.load_state_dict(content["precision_state_dict"])
    learner.health.load_state_dict(content["health_state_dict"])
    learner.stopping.load_state_dict(content["early_stopping_state_dict"])
    if learner.average is not None:
        average = {"average": content["model_state_dict"], **content["average_state_dict"]}
        learner.average.load_state_dict(average)
    progress = dict(content["progress"])
    learner.progress = Progress(**{**progress, "resumed_at": list(progress["resumed_at"])})
    learner.history = [Epoch(**epoch) for epoch in content["history"]]
    states = content["random_states"]
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def same(first: Any, second: Any) -> bool:
    """Whether two checkpoints hold the same: tensors bit for bit, everything else equal."""
    if isinstance(first, torch.Tensor):
        return (
            isinstance(second, torch.Tensor)
            and first.dtype == second.dtype
            and torch.equal(first.detach().cpu(), second.detach().cpu())
        )
    if isinstance(first, dict):
        return (
            isinstance(second, dict)
            and first.keys() == second.keys()
            and all(same(first[key], second[key]) for key in first)
        )
    if isinstance(first, (list, tuple)):
        return (
            isinstance(second, (list, tuple))
            and len(first) == len(second)
            and all(map(same, first, second))
        )
    return bool(first == second)


def restores(content: Content, build: Callable[[], Learner], identity: Identity) -> bool:
    """Whether a checkpoint brings newly built objects to exactly the state that it holds."""
    learner = build()
    restore(learner, content)
    return same(capture(learner, identity), content)


def _random_states() -> dict[str, Any]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"torch": torch.get_rng_state(), "cuda": cuda}
