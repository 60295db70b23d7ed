"""Notices a training that goes wrong, by name: not-a-number, divergence, stalled, and more.

What a loss is judged against is **chance**: the loss of the best constant answer, which looks at
no image. It follows from the class counts (and class weights and label smoothing) alone, so the
thresholds need no tuning to a data set:

- *divergence*: for three epochs running the training loss is above twice its best and above
  ``ln K``, the loss of answering all classes alike: what was learned is lost, and a pure guess
  would be better. Within an epoch: 20 batches running above 50 times the first batch's loss.
- *stalled*: after five epochs past warm-up no epoch's loss was below 0.98 of chance.
- *not_learning*: at the end the training accuracy is no better than always answering the largest
  class, and, where classes are weighted, the loss is no better than chance either.
- *overfitting* (a note): for three validations running the validation loss is above its best by
  a quarter and by a tenth of ``ln K``, while the training loss is lower than it was then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from seatrial.errors import TrainingError
from seatrial.evidence.records import Diagnosis

_EPOCHS_RUNNING = 3
_STALL_EPOCHS = 5
_NEAR_CHANCE = 0.98
_LOSS_MULTIPLE = 2.0
_RUNAWAY_MULTIPLE = 50.0
_RUNAWAY_BATCHES = 20
_OVERFIT_SHARE = 0.25
_OVERFIT_OF_LOG_CLASSES = 0.1


@dataclass
class _State:
    """Everything the monitor remembers between batches and epochs; plain numbers."""

    epochs: int = 0
    first_batch_loss: float | None = None
    last_batch_loss: float | None = None
    batches_above: int = 0
    best_train_loss: float = math.inf
    epochs_above: int = 0
    best_val_loss: float = math.inf
    train_loss_at_best: float = math.inf
    validations_above: int = 0


class HealthMonitor:
    """Watches the losses of one training run.

    ``class_counts`` are those of the training split. ``warmup_epochs`` are not held against a
    run that has yet to move.
    """

    def __init__(
        self,
        class_counts: Sequence[int],
        *,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        warmup_epochs: float = 0.0,
    ) -> None:
        self._log_classes = math.log(len(class_counts))
        self._chance = chance_loss(class_counts, class_weights, label_smoothing)
        self._majority = max(class_counts) / sum(class_counts)
        self._weighted = class_weights is not None
        self._patience = _STALL_EPOCHS + math.ceil(warmup_epochs)
        self._state = _State()
        self._open: dict[str, Diagnosis] = {}

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Those that are open: one that training has since recovered from is closed."""
        return tuple(self._open.values())

    def observe_batch(
        self,
        epoch: int,
        batch: int,
        loss: float,
        *,
        images: torch.Tensor | None = None,
        learning_rate: float | None = None,
        precision: str = "fp32",
    ) -> None:
        """Call before the weights are updated, so that a bad loss never reaches them.

        ``epoch`` and ``batch`` count from 1. ``images`` (any shape) is looked at only when the
        loss is not finite, to tell bad input from a bad step.

        :raises TrainingError: the loss is not finite or has run away; the message names epoch and
            batch, what is suspect, and what to change.
        """
        state = self._state
        where = f"epoch {epoch}, batch {batch}"
        if not math.isfinite(loss):
            cause = _cause(state, images, learning_rate, precision)
            raise TrainingError(f"{where}: the loss is {_name(loss)}: {cause}")
        if state.first_batch_loss is None:
            state.first_batch_loss = loss
        state.last_batch_loss = loss
        bound = _RUNAWAY_MULTIPLE * max(self._log_classes, state.first_batch_loss)
        state.batches_above = state.batches_above + 1 if loss > bound else 0
        if state.batches_above >= _RUNAWAY_BATCHES:
            raise TrainingError(
                f"{where}: training diverged: the loss is {loss:.3g} and was above {bound:.3g} "
                f"for {_RUNAWAY_BATCHES} batches; {_lower_rate(learning_rate)}"
            )

    def observe_epoch(
        self, epoch: int, train_loss: float, val_metrics: Mapping[str, float | None]
    ) -> list[Diagnosis]:
        """Judge an epoch, counted from 1; returns the diagnoses that are new with it.

        ``val_metrics`` is empty where the epoch was not validated; ``val_loss`` is what is read.

        :raises TrainingError: the training or validation loss is not finite.
        """
        val_loss = val_metrics.get("val_loss")
        for name, value in (("training", train_loss), ("validation", val_loss)):
            if value is not None and not math.isfinite(value):
                raise TrainingError(
                    f"epoch {epoch}: the {name} loss is {_name(value)}; the best checkpoint so "
                    "far is kept; lower optimizer.learning_rate, or set "
                    "training.gradient_clip_norm: 1.0, and train again"
                )
        before = set(self._open)
        self._state.epochs += 1
        self._judge_divergence(epoch, train_loss)
        self._judge_stall(epoch)
        if val_loss is not None:
            self._judge_overfitting(epoch, train_loss, val_loss)
        return [found for kind, found in self._open.items() if kind not in before]

    def conclude(self, epoch: int, train_loss: float, train_acc: float) -> list[Diagnosis]:
        """Judge the last epoch's training accuracy (a fraction); returns what is new."""
        near_chance = train_loss >= _NEAR_CHANCE * self._chance
        if train_acc > self._majority or (self._weighted and not near_chance):
            return []
        self._note(
            "not_learning",
            True,
            epoch,
            f"training accuracy {train_acc:.4g} is no better than always answering the largest "
            f"class ({self._majority:.4g}); check that labels belong to their images, and raise "
            "optimizer.learning_rate or training.epochs",
        )
        return [self._open["not_learning"]]

    def state_dict(self) -> dict[str, Any]:
        """What resuming needs, as plain data."""
        return {
            "state": asdict(self._state),
            "open": [found.model_dump() for found in self._open.values()],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the state that :meth:`state_dict` gave."""
        self._state = _State(**state["state"])
        found = [Diagnosis(**entry) for entry in state["open"]]
        self._open = {diagnosis.kind: diagnosis for diagnosis in found}

    def _judge_divergence(self, epoch: int, train_loss: float) -> None:
        state = self._state
        bound = max(self._log_classes, _LOSS_MULTIPLE * state.best_train_loss)
        above = state.epochs > 1 and train_loss > bound
        state.epochs_above = state.epochs_above + 1 if above else 0
        state.best_train_loss = min(state.best_train_loss, train_loss)
        if not above:
            self._open.pop("divergence", None)
        elif state.epochs_above >= _EPOCHS_RUNNING:
            self._note(
                "divergence",
                True,
                epoch,
                f"the training loss is {train_loss:.4g}, above {bound:.4g} for {_EPOCHS_RUNNING} "
                f"epochs, and was {state.best_train_loss:.4g}; {_lower_rate(None)}",
            )

    def _judge_stall(self, epoch: int) -> None:
        state, bound = self._state, _NEAR_CHANCE * self._chance
        if state.best_train_loss < bound:
            self._open.pop("stalled", None)
        elif state.epochs >= self._patience:
            self._note(
                "stalled",
                True,
                epoch,
                f"after {state.epochs} epochs the training loss is {state.best_train_loss:.4g} "
                f"at best, near that of a constant answer ({self._chance:.4g}); raise or lower "
                "optimizer.learning_rate tenfold, and check labels and input",
            )

    def _judge_overfitting(self, epoch: int, train_loss: float, val_loss: float) -> None:
        state = self._state
        if val_loss < state.best_val_loss:
            state.best_val_loss, state.train_loss_at_best = val_loss, train_loss
        margin = max(
            _OVERFIT_SHARE * state.best_val_loss, _OVERFIT_OF_LOG_CLASSES * self._log_classes
        )
        risen = val_loss > state.best_val_loss + margin and train_loss < state.train_loss_at_best
        state.validations_above = state.validations_above + 1 if risen else 0
        if not risen:
            self._open.pop("overfitting", None)
        elif state.validations_above >= _EPOCHS_RUNNING:
            self._note(
                "overfitting",
                False,
                epoch,
                f"the validation loss rose from {state.best_val_loss:.4g} to {val_loss:.4g} while "
                f"the training loss fell to {train_loss:.4g}; the best epoch is kept; more "
                "augmentation, dropout or weight decay would help",
            )

    def _note(self, kind: Any, critical: bool, epoch: int, message: str) -> None:
        """Open a diagnosis; one that is open already keeps its first epoch and message."""
        found = Diagnosis(kind=kind, critical=critical, epoch=epoch, message=message)
        self._open.setdefault(kind, found)


def chance_loss(
    class_counts: Sequence[int], class_weights: Sequence[float] | None, label_smoothing: float
) -> float:
    """The least mean cross-entropy, in nats, that one answer for all images can reach.

    It is the entropy of the label distribution, weighted and smoothed as the loss is; ``ln K``
    for equal classes.
    """
    weights = class_weights or [1.0] * len(class_counts)
    masses = [count * weight for count, weight in zip(class_counts, weights, strict=True)]
    # torch smooths class k by its own weight w_k, and divides by the sum of the labels' weights.
    total = sum(masses)
    spread = label_smoothing * sum(class_counts) / len(class_counts) / total
    shares = [
        (1 - label_smoothing) * mass / total + spread * weight
        for mass, weight in zip(masses, weights, strict=True)
    ]
    whole = sum(shares)
    return -sum(share * math.log(share / whole) for share in shares if share > 0)


def _name(value: float) -> str:
    return "not a number" if math.isnan(value) else "infinite"


def _cause(
    state: _State, images: torch.Tensor | None, learning_rate: float | None, precision: str
) -> str:
    if images is not None and not bool(torch.isfinite(images).all()):
        return "the input itself holds values that are not finite; check data.mean and data.std"
    if state.first_batch_loss is None:
        return (
            "it was so before the first step, so the input or the initial weights are suspect; "
            "check data.mean and data.std, and the pretrained weights"
        )
    last = f"the last finite loss was {state.last_batch_loss:.3g}; "
    if precision == "fp16":
        return f"{last}fp16 overflows above 65504; set training.precision to bf16 or fp32"
    return f"{last}the learning rate is suspect; {_lower_rate(learning_rate)}"


def _lower_rate(learning_rate: float | None) -> str:
    now = "" if learning_rate is None else f" (now {learning_rate:.3g})"
    return (
        f"lower optimizer.learning_rate{now} tenfold, set training.gradient_clip_norm: 1.0, or "
        "give scheduler.warmup_epochs a few epochs"
    )
