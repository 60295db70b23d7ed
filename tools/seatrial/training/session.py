"""One process's part in one training, from the objects it builds to the record it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seatrial import files
from seatrial.config.schema import Config
from seatrial.data import Augmenter, Dataset
from seatrial.errors import InputError
from seatrial.evidence.records import TrainRecord
from seatrial.training import checkpoints
from seatrial.training.assembly import (
    build_criterion,
    build_learner,
    build_validation,
    class_weights,
    compiled,
    identity,
    training_counts,
    weight_type,
)
from seatrial.training.batches import Batches
from seatrial.training.checkpoints import CHECKPOINTS, LAST, Content, Writer
from seatrial.training.images import Normaliser
from seatrial.training.loop import Loop, Outlets, Plan
from seatrial.training.progress_log import Emit, Log
from seatrial.training.results import (
    Stopped,
    first_line,
    last_line,
    record_of,
    resumed_line,
    write_results,
)
from seatrial.training.resuming import Carried, take_up
from seatrial.training.state import Learner, capture, restore, restores, same
from seatrial.training.team import Team

LOG = "training.log"


class Session:
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
        carried = take_up(self._carried, self._identity)
        content = None if carried is None else carried.content
        self._agree_on(content)
        learner = self._learner(pretrained=self._config.model.pretrained and content is None)
        model = compiled(learner.model) if self._config.training.compile else learner.model
        module, optimizer = self._team.set_up(model, learner.optimizer)
        if content is not None:
            restore(learner, content)
            learner.progress.resumed_at.append(learner.progress.epoch)
        with self._outlets(emit, stop, carried) as outlets:
            if outlets.log is not None and content is None:
                outlets.log.line(first_line(self._config, learner, self._team))
            elif outlets.log is not None and outlets.writer is not None and content is not None:
                outlets.log.line(resumed_line(learner, content))
                # Says that this attempt resumed, also where there is nothing left to train.
                outlets.writer.submit(capture(learner, self._identity), (LAST,))
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
                outlets.log.line(last_line(learner, stopped))
        return self._conclude(learner, stopped)

    def _agree_on(self, content: Content | None) -> None:
        """Processes that went on from different steps would wait for each other for ever."""
        step = -1 if content is None else int(content["step"])
        (total,) = self._team.totals(step)
        if total != step * self._team.size:
            raise InputError(
                f"{self._carried}: every process must find the same last checkpoint there; they "
                "found different ones; put runs on a disk that all machines share"
            )

    def _conclude(self, learner: Learner, stopped: Stopped) -> TrainRecord:
        """The first process writes what is left and records it; the others are told."""
        text = ""
        if self._team.rank == 0:
            live = checkpoints.snapshot(capture(learner, self._identity))
            record = record_of(
                self._config,
                learner,
                stopped,
                self._output,
                images=len(self._dataset.split_indices("train")),
                team=self._team,
                resumable=self._last_is_resumable(live),
            )
            write_results(self._output, record)
            text = record.model_dump_json()
        return TrainRecord.model_validate_json(self._team.told_by_first(text))

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
    def _outlets(
        self, emit: Emit, stop: Callable[[], bool], carried: Carried | None
    ) -> Iterator[Outlets]:
        """Files are the first process's alone; so are events."""
        if self._team.rank != 0:
            yield Outlets(None, None, lambda _: None, stop)
            return
        folder = files.make_directory(self._output / CHECKPOINTS)
        carried_log = None if self._carried is None else self._carried / LOG
        for name, path in ({} if carried is None else carried.files).items():
            checkpoints.give_second_name(path, folder / name)
        with closing(Log(self._output / LOG, carried_log)) as log, closing(Writer(folder)) as saver:
            if carried is not None and carried.note is not None:
                log.line(carried.note)
                emit({"event": "note", "message": carried.note})
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
