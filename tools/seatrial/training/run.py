"""The entry of training: a configuration and a data set in, checkpoints and a record out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.evidence.records import TrainRecord
from seatrial.training import processes
from seatrial.training.assembly import input_shape
from seatrial.training.auto import resolve_auto
from seatrial.training.devices import memory_errors, settled
from seatrial.training.launch import train_in_processes
from seatrial.training.progress_log import Emit
from seatrial.training.session import Session
from seatrial.training.team import assembled


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
        session = Session(config, dataset, output, project=project, carried=carried, team=team)
        return session.run(emit, stop, checkpoint_every_steps)
