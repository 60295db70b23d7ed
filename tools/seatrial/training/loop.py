"""The one training loop: alone or in several processes, from the start or from any step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from lightning_fabric.wrappers import _FabricModule, _FabricOptimizer

from seatrial.evidence.records import Epoch
from seatrial.training import batches as data
from seatrial.training.checkpoints import BEST, LAST, Writer, epoch_name
from seatrial.training.interruption import Interrupted
from seatrial.training.order import groups, sample_weights, seed_batch
from seatrial.training.progress_log import BatchEvents, Emit, Log
from seatrial.training.retention import kept_epochs
from seatrial.training.state import Identity, Learner, capture
from seatrial.training.team import Team
from seatrial.training.validation import SummedLoss, Validation

_SHARE_OF_TIME_FOR_SAVING = 0.01
_LEAST_SECONDS_BETWEEN_SAVES = 30.0


@dataclass(frozen=True)
class Plan:
    """What the loop is to do, as plain numbers."""

    epochs: int
    accumulate: int
    clip_norm: float | None
    seed: int
    precision: str
    validate_every: int
    keep_every: int | None
    keep_top: int
    checkpoint_every_steps: int | None
    """None: within an epoch, as often as one hundredth of the time allows."""


@dataclass(frozen=True)
class Outlets:
    """Where the loop's results go. ``writer`` and ``log`` are None but in the first process."""

    writer: Writer | None
    log: Log | None
    emit: Emit
    stop: Callable[[], bool]


class Loop:
    """Trains a learner. Whatever it does next depends on the learner's state alone."""

    def __init__(
        self,
        plan: Plan,
        learner: Learner,
        identity: Identity,
        *,
        module: _FabricModule,
        optimizer: _FabricOptimizer,
        team: Team,
        batches: data.Batches,
        criterion: SummedLoss,
        class_weights: Sequence[float] | None,
        validation: Validation,
        outlets: Outlets,
    ) -> None:
        self._plan, self._learner, self._identity = plan, learner, identity
        self._module, self._optimizer, self._team = module, optimizer, team
        self._batches, self._validation = batches, validation
        self._criterion, self._class_weights = criterion, class_weights
        self._outlets = outlets
        self._events = BatchEvents(outlets.emit, plan.epochs, len(batches))
        self._saved_at = time.monotonic()

    def run(self) -> Literal["early_stopping", "last_epoch"]:
        """Train to the end.

        :raises Interrupted: ``stop`` said so; the last checkpoint is on the disk.
        :raises TrainingError: not-a-number or a loss that ran away.
        """
        learner = self._learner
        while learner.progress.epoch <= self._plan.epochs:
            if self._may_stop_early():
                return "early_stopping"
            self._train_epoch()
            self._finish_epoch()
        return "last_epoch"

    def _may_stop_early(self) -> bool:
        history = self._learner.history
        if not history or not history[-1].metrics:
            return False
        return self._learner.stopping.should_stop(history[-1].epoch)

    # ------------------------------------------------------------ one epoch

    def _train_epoch(self) -> None:
        progress = self._learner.progress
        epoch = self._batches.epoch(progress.epoch)
        steps = groups(len(epoch.batches), self._plan.accumulate)
        self._module.train()
        with closing(self._batches.load(epoch, progress.batch)) as loaded:
            for group in steps[-(-progress.batch // self._plan.accumulate) :]:
                started = time.monotonic()
                stop = self._step(epoch, group, loaded)
                progress.training_seconds += time.monotonic() - started
                self._report(progress.loss_sum / progress.weight_sum)
                if stop:
                    self._interrupt()
                if group is not steps[-1]:
                    self._save_within_epoch()

    def _step(self, epoch: data.Epoch, group: range, loaded: Iterator[data.Batch]) -> bool:
        """One optimiser step over the batches of ``group``; whether any process is to stop.

        The gradient is that of Σ w_y·loss / Σ w_y over all images of the step, in whichever
        process and batch they are: an uneven last batch counts its images once.
        """
        learner, team, progress = self._learner, self._team, self._learner.progress
        global_labels = [self._batches.labels(epoch.batches[number]) for number in group]
        weight = sum(sample_weights(labels, self._class_weights) for labels in global_labels)
        rate = learner.schedule.learning_rate(progress.step)
        loss_sum = correct = 0.0
        for number in group:
            seed_batch(self._plan.seed, epoch.number, number, team.rank)
            batch = next(loaded)
            alone = team.size == 1 or number == group[-1]
            sync = nullcontext() if alone else team.fabric.no_backward_sync(self._module)
            with sync:
                logits = self._module(batch.images)
                loss = self._criterion(logits, batch.labels)
                # Data-parallel training averages gradients over processes; a sum is wanted.
                team.fabric.backward(loss * (team.size / weight))
            loss_sum += float(loss.detach())
            correct += float((logits.detach().argmax(1) == batch.labels).sum())
        loss_sum, correct, stops = team.totals(loss_sum, correct, float(self._outlets.stop()))
        learner.health.observe_batch(
            epoch.number,
            group[-1] + 1,
            loss_sum / weight,
            images=batch.images,
            learning_rate=rate,
            precision=self._plan.precision,
        )
        self._update(rate)
        progress.loss_sum += loss_sum
        progress.weight_sum += weight
        progress.correct += correct
        progress.seen += sum(map(len, global_labels))
        progress.batch, progress.step = group[-1] + 1, progress.step + 1
        return stops > 0

    def _update(self, rate: float) -> None:
        for parameters in self._learner.optimizer.param_groups:
            parameters["lr"] = rate
        if self._plan.clip_norm is not None:
            self._team.fabric.clip_gradients(
                self._module,
                self._optimizer,
                max_norm=self._plan.clip_norm,
                # The loss scale of fp16 deals with infinite gradients; else the loss shows them.
                error_if_nonfinite=False,
            )
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._learner.average is not None:
            self._learner.average.update()

    def _finish_epoch(self) -> None:
        learner, progress = self._learner, self._learner.progress
        number, started = progress.epoch, time.monotonic()
        due = number % self._plan.validate_every == 0 or number == self._plan.epochs
        rate = learner.schedule.learning_rate(progress.step - 1)
        train_loss = progress.loss_sum / progress.weight_sum
        train_acc = progress.correct / progress.seen
        values = self._validate() if due else {}
        found = learner.health.observe_epoch(number, train_loss, values)
        loss = values.get("val_loss")
        if loss is not None:
            learner.schedule.observe(loss)
        best = due and learner.stopping.observe(number, values[learner.stopping.metric])
        if number == self._plan.epochs or (due and learner.stopping.should_stop(number)):
            found += learner.health.conclude(number, train_loss, train_acc)
        seconds = progress.training_seconds + time.monotonic() - started
        epoch = Epoch(
            epoch=number,
            learning_rate=rate,
            train_loss=train_loss,
            train_acc=train_acc,
            metrics=values,
            seconds=seconds,
            images_per_second=progress.seen / max(progress.training_seconds, 1e-9),
        )
        learner.history.append(epoch)
        learner.progress = progress.next_epoch(seconds)
        self._say(epoch, found, best=best)
        self._save_after_epoch(number, best=best)

    def _validate(self) -> dict[str, float | None]:
        average = self._learner.average
        context = nullcontext() if average is None else average.swapped_in()
        with context:
            return self._validation.run(self._learner.model, self._team)

    # ------------------------------------------------------------ saying and saving

    def _report(self, loss: float) -> None:
        progress = self._learner.progress
        done = progress.batch + (progress.epoch - 1) * len(self._batches)
        spent = progress.seconds + progress.training_seconds
        left = spent / done * (len(self._batches) * self._plan.epochs - done)
        self._events(
            progress.epoch,
            progress.batch,
            loss,
            progress.seen,
            progress.training_seconds,
            left,
        )

    def _say(self, epoch: Epoch, found: Sequence[Any], *, best: bool) -> None:
        log = self._outlets.log
        if log is not None:
            log.epoch(epoch, self._plan.epochs, best=best)
            for diagnosis in found:
                log.diagnosis(diagnosis)
        spent = self._learner.progress.seconds
        self._outlets.emit(
            {
                "event": "epoch",
                "epoch": epoch.epoch,
                "epochs": self._plan.epochs,
                "metrics": {
                    "train_loss": epoch.train_loss,
                    "train_acc": epoch.train_acc,
                    **epoch.metrics,
                },
                "best": best,
                "images_per_second": epoch.images_per_second,
                "seconds_left": spent / epoch.epoch * (self._plan.epochs - epoch.epoch),
            }
        )

    def _save_after_epoch(self, finished: int, *, best: bool) -> None:
        values = {
            epoch.epoch: epoch.metrics[self._learner.stopping.metric]
            for epoch in self._learner.history
            if epoch.metrics
        }
        kept, kept_before = (
            kept_epochs(
                {e: v for e, v in values.items() if e <= last},
                self._learner.stopping.metric,
                finished=last,
                every=self._plan.keep_every,
                top_k=self._plan.keep_top,
            )
            for last in (finished, finished - 1)
        )
        names = [epoch_name(finished)] if finished in kept else []
        names += [BEST] if best else []
        dropped = tuple(epoch_name(epoch) for epoch in sorted(kept_before - kept))
        # The last comes last: what it says about the others is then true on the disk.
        self._save((*names, LAST), dropped)

    def _save_within_epoch(self) -> None:
        writer, every = self._outlets.writer, self._plan.checkpoint_every_steps
        if writer is None:
            return
        if every is not None:
            due = self._learner.progress.step % every == 0
        else:
            pause = max(_LEAST_SECONDS_BETWEEN_SAVES, writer.seconds / _SHARE_OF_TIME_FOR_SAVING)
            due = time.monotonic() - self._saved_at >= pause
        if due:
            self._save((LAST,))

    def _interrupt(self) -> None:
        self._save((LAST,))
        writer, progress = self._outlets.writer, self._learner.progress
        if writer is not None:
            writer.wait()
        self._team.meet()
        raise Interrupted(
            f"training: stopped in epoch {progress.epoch} after batch {progress.batch}; "
            "its last checkpoint is saved, and resuming goes on from there"
        )

    def _save(self, names: tuple[str, ...], drop: tuple[str, ...] = ()) -> None:
        writer = self._outlets.writer
        if writer is None:
            return
        writer.submit(capture(self._learner, self._identity), names, drop)
        self._saved_at = time.monotonic()
