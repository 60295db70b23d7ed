"""The entry of training: a configuration and a data set in, checkpoints and a record out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import torch

from seatrial import files, plots
from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.data.augmentation import Augmenter
from seatrial.errors import InputError
from seatrial.evidence.records import Checkpoint, TrainRecord
from seatrial.training import checkpoints, processes
from seatrial.training.assembly import (
    build_criterion,
    build_learner,
    build_validation,
    class_weights,
    compiled,
    identity,
    input_shape,
    training_counts,
    weight_type,
)
from seatrial.training.auto import resolve_auto
from seatrial.training.batches import Batches
from seatrial.training.checkpoints import BEST, LAST, Content, Writer, epoch_name
from seatrial.training.devices import memory_errors, settled
from seatrial.training.images import Normaliser
from seatrial.training.launch import train_in_processes
from seatrial.training.loop import Loop, Outlets, Plan
from seatrial.training.progress_log import Emit, Log
from seatrial.training.state import Identity, Learner, capture, restore, restores, same
from seatrial.training.team import Team, assembled

CHECKPOINTS = "checkpoints"
LOG = "training.log"
METRICS = "metrics.json"
CURVES = "learning_curves.png"
Role = Literal["best", "last", "epoch", "given"]
Stopped = Literal["early_stopping", "last_epoch"]


def _never() -> bool:
    return False


def train(
    config: Config,
    dataset: Dataset,
    output: Path,
    *,
    project: Path,
    carried: Path | None,
    emit: Emit,
    stop: Callable[[], bool] = _never,
    checkpoint_every_steps: int | None = None,
) -> TrainRecord:
    """Train ``config`` on ``dataset``; write checkpoints, log, metrics and curves to ``output``.

    ``output`` is a fresh folder. ``carried`` is the folder of an interrupted attempt at the same
    training: its last checkpoint is gone on from, and the result is, bit for bit, that of a run
    without interruption at the same thread count. ``stop`` is asked after every optimiser step.
    ``checkpoint_every_steps`` saves the last checkpoint also after every so many steps of an
    epoch; None saves about twice a minute, less often where saving is slow.

    With ``training.devices`` above 1 the processes are started here, and what they train is what
    one process would. Under ``torchrun`` every process calls this with the same arguments; each
    returns the record, the first alone writes and emits.

    :raises Interrupted: ``stop`` said so; ``output`` can be carried.
    :raises TrainingError: not-a-number, divergence, not enough memory.
    :raises InputError: a carried checkpoint that is damaged or of another training.
    :raises ConfigurationError: a device that is not there, and the like.
    """
    config = resolve_auto(config, dataset, project=project, emit=emit)
    if config.training.devices > 1 and not processes.under_torchrun():
        return train_in_processes(
            config,
            dataset_digest=dataset.digest,
            output=output,
            project=project,
            carried=carried,
            checkpoint_every_steps=checkpoint_every_steps,
            emit=emit,
            stop=stop,
        )
    training = config.training
    assert training.threads is not None
    with (
        settled(threads=training.threads, deterministic=config.reproducibility.deterministic),
        memory_errors(
            batch_size=training.batch_size,
            accumulate=training.accumulate_batches,
            shape=input_shape(dataset.spec),
            device=training.device,
            doing="training",
        ),
        assembled(training.device, training.precision) as team,
    ):
        run = _Run(config, dataset, output, project=project, carried=carried, team=team)
        return run.run(emit, stop, checkpoint_every_steps)


class _Run:
    """One process's part in one training."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        output: Path,
        *,
        project: Path,
        carried: Path | None,
        team: Team,
    ) -> None:
        self._config, self._dataset, self._project = config, dataset, project
        self._output, self._carried, self._team = output, carried, team
        self._identity = identity(config, dataset)
        self._weights = class_weights(config.loss, training_counts(dataset))

    def run(
        self, emit: Emit, stop: Callable[[], bool], checkpoint_every_steps: int | None
    ) -> TrainRecord:
        """Train to the end and judge what came of it."""
        content = carried_checkpoint(self._carried, self._identity)
        learner = self._learner(pretrained=self._config.model.pretrained and content is None)
        model = compiled(learner.model) if self._config.training.compile else learner.model
        module, optimizer = self._team.fabric.setup(model, learner.optimizer)
        if content is not None:
            restore(learner, content)
            learner.progress.resumed_at.append(learner.progress.epoch)
        with self._outlets(emit, stop) as outlets:
            if outlets.log is not None:
                outlets.log.line(self._first_line(learner, resumed=content is not None))
            stopped = Loop(
                self._plan(checkpoint_every_steps),
                learner,
                self._identity,
                module=module,
                optimizer=optimizer,
                team=self._team,
                batches=self._batches(),
                criterion=build_criterion(
                    self._config.loss, self._weights, len(self._dataset.classes)
                ),
                class_weights=self._weights,
                validation=build_validation(self._config, self._dataset, self._weights),
                outlets=outlets,
            ).run()
            if outlets.writer is not None:
                outlets.writer.wait()
            if outlets.log is not None:
                outlets.log.line(_last_line(learner, stopped))
        return self._conclude(learner, stopped)

    def _conclude(self, learner: Learner, stopped: Stopped) -> TrainRecord:
        """The first process writes what is left and records it; the others are told."""
        text = ""
        if self._team.rank == 0:
            live = checkpoints.snapshot(capture(learner, self._identity))
            record = self._record(learner, stopped, resumable=self._last_is_resumable(live))
            write_results(self._output, record)
            text = record.model_dump_json()
        return TrainRecord.model_validate_json(self._team.told_by_first(text))

    def _record(self, learner: Learner, stopped: Stopped, *, resumable: bool) -> TrainRecord:
        config, training = self._config, self._config.training
        assert training.threads is not None
        history = learner.history
        images = len(self._dataset.split_indices("train")) * len(history)
        seconds = sum(images / len(history) / epoch.images_per_second for epoch in history)
        return TrainRecord(
            trained_elsewhere=False,
            architecture=config.model.architecture,
            parameters=sum(p.numel() for p in learner.model.parameters()),
            epochs_planned=training.epochs,
            epochs=tuple(history),
            stopped=stopped,
            monitor=learner.stopping.metric,
            best_epoch=learner.stopping.best_epoch,
            best_value=learner.stopping.best_value,
            checkpoints=_checkpoints(self._output, learner),
            last_resumable=resumable,
            diagnoses=learner.health.diagnoses,
            resumed_at_epochs=tuple(learner.progress.resumed_at),
            seed=config.reproducibility.seed,
            deterministic=config.reproducibility.deterministic,
            device=_device_name(self._team.device),
            precision=training.precision,
            threads=training.threads,
            processes=self._team.size,
            batch_norm=training.batch_norm if self._team.size > 1 else "one_process",
            batch_size=training.batch_size,
            images_per_second=images / seconds,
            seconds=learner.progress.seconds,
            plots=(CURVES,),
        )

    def _learner(self, *, pretrained: bool) -> Learner:
        return build_learner(
            self._config,
            self._dataset,
            self._project,
            device=self._team.device,
            precision=self._team.fabric.strategy.precision,
            processes=self._team.size,
            pretrained=pretrained,
        )

    def _last_is_resumable(self, live: Content) -> bool:
        """The last checkpoint, read anew, is the state of this moment, and brings newly built
        objects to it."""
        written = checkpoints.read(self._output / CHECKPOINTS / LAST)
        return same(written, live) and restores(
            written, lambda: self._learner(pretrained=False), self._identity
        )

    @contextmanager
    def _outlets(self, emit: Emit, stop: Callable[[], bool]) -> Iterator[Outlets]:
        """Files are the first process's alone; so are events."""
        if self._team.rank != 0:
            yield Outlets(None, None, lambda _: None, stop)
            return
        folder = files.make_directory(self._output / CHECKPOINTS)
        carried_log = None
        if self._carried is not None:
            carried_log = self._carried / LOG
            for path in sorted((self._carried / CHECKPOINTS).glob("*.pt")):
                checkpoints.give_second_name(path, folder / path.name)
        with closing(Log(self._output / LOG, carried_log)) as log, closing(Writer(folder)) as saver:
            yield Outlets(saver, log, emit, stop)

    def _plan(self, checkpoint_every_steps: int | None) -> Plan:
        training, keeping = self._config.training, self._config.checkpointing
        return Plan(
            epochs=training.epochs,
            accumulate=training.accumulate_batches,
            clip_norm=training.gradient_clip_norm,
            seed=self._config.reproducibility.seed,
            precision=training.precision,
            validate_every=self._config.validation.validate_every_n_epochs,
            keep_every=keeping.checkpoint_every_n_epochs,
            keep_top=keeping.save_top_k,
            checkpoint_every_steps=checkpoint_every_steps,
        )

    def _batches(self) -> Batches:
        training, augmentation = self._config.training, self._config.data_augmentation
        seed = self._config.reproducibility.seed
        transforms = augmentation.transforms if augmentation.enabled else ()
        return Batches(
            self._dataset,
            self._dataset.split_indices("train"),
            batch_size=training.batch_size,
            seed=seed,
            augment=Augmenter(transforms, seed) if transforms else None,
            normalise=Normaliser(
                self._dataset.spec,
                self._team.device,
                channels_last=training.channels_last is True,
                dtype=weight_type(training.precision),
            ),
            device=self._team.device,
            rank=self._team.rank,
            processes=self._team.size,
            workers=max(training.workers, int(self._dataset.streamed)),
        )

    def _first_line(self, learner: Learner, *, resumed: bool) -> str:
        training, progress = self._config.training, learner.progress
        if resumed:
            return f"resumed in epoch {progress.epoch} after batch {progress.batch}"
        parts = [
            f"{self._config.model.architecture}",
            f"{sum(p.numel() for p in learner.model.parameters()):,} parameters",
            f"device {training.device}",
            f"precision {training.precision}",
            f"{training.threads} threads",
            f"batch {training.batch_size} x {training.accumulate_batches}",
            f"seed {self._config.reproducibility.seed}",
            "channels last" if training.channels_last else "channels first",
            "fused optimiser" if training.fused_optimizer else "plain optimiser",
            "compiled" if training.compile else "not compiled",
        ]
        if self._team.size > 1:
            statistics = "shared" if training.batch_norm == "shared" else "each process's own"
            parts.append(f"{self._team.size} processes, batch-norm statistics {statistics}")
        return ", ".join(parts)


def carried_checkpoint(carried: Path | None, expected: Identity) -> Content | None:
    """The last checkpoint of an interrupted attempt; None where it got to none.

    :raises InputError: damaged, or of another configuration or data set.
    """
    path = None if carried is None else carried / CHECKPOINTS / LAST
    if path is None or not path.exists():
        return None
    content = checkpoints.read(path)
    found = {name: content.get(name) for name in expected.content()}
    different = [name for name, value in expected.content().items() if found[name] != value]
    if different:
        raise InputError(
            f"{path}: the checkpoint of another training: {', '.join(different)} differ; "
            "resume with the configuration and data of the interrupted run, or start a new run"
        )
    return content


def write_results(output: Path, record: TrainRecord) -> None:
    """``metrics.json`` and the learning curves."""
    files.write_json(
        output / METRICS,
        {
            "monitor": record.monitor,
            "best_epoch": record.best_epoch,
            "best_value": record.best_value,
            "stopped": record.stopped,
            "epochs": [epoch.model_dump() for epoch in record.epochs],
        },
    )
    plots.learning_curves(
        record.epochs, output / CURVES, monitor=record.monitor, best_epoch=record.best_epoch
    )


def _checkpoints(output: Path, learner: Learner) -> tuple[Checkpoint, ...]:
    names: list[tuple[Role, str, int]] = [
        ("best", BEST, learner.stopping.best_epoch),
        ("last", LAST, len(learner.history)),
    ]
    folder = output / CHECKPOINTS
    own = [e.epoch for e in learner.history if (folder / epoch_name(e.epoch)).exists()]
    names += [("epoch", epoch_name(epoch), epoch) for epoch in own]
    return tuple(
        Checkpoint(
            role=role,
            path=f"{CHECKPOINTS}/{name}",
            epoch=epoch,
            sha256=files.sha256_file(folder / name),
        )
        for role, name, epoch in names
    )


def _last_line(learner: Learner, stopped: Stopped) -> str:
    how = "early stopping" if stopped == "early_stopping" else "the last epoch"
    value = learner.stopping.best_value
    shown = "undefined" if value is None else f"{value:.4f}"
    return (
        f"ended by {how} after epoch {len(learner.history)}; "
        f"best epoch {learner.stopping.best_epoch}, {learner.stopping.metric} {shown}"
    )


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)
