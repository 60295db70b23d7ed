"""What a step is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.config.schema import Config
from seatrial.errors import InputError
from seatrial.evidence import manifests
from seatrial.evidence.reading import RECORD_TYPES, read_record
from seatrial.evidence.records import Record
from seatrial.evidence.runs import Run
from seatrial.gates.approvals import NOBODY, Trust

if TYPE_CHECKING:
    from seatrial.data import Dataset

Emit = Callable[[dict[str, object]], None]


class Context:
    """The run that a step belongs to, and what earlier steps left."""

    def __init__(
        self,
        run: Run,
        config: Config,
        *,
        emit: Emit,
        stop: Callable[[], bool] = lambda: False,
        trust: Trust = NOBODY,
    ) -> None:
        self.run = run
        self.config = config
        self.emit = emit
        self.stop = stop
        self.trust = trust
        """Whose approvals the gate counts."""
        self.carried: Path | None = None
        """The folder of this step's last attempt that died and left what the step ``carries``."""

    @property
    def project(self) -> Path:
        """The root of the user's project."""
        return self.run.project

    @cached_property
    def checkpoint(self) -> Path | None:
        """The checkpoint trained elsewhere that this run was given."""
        named = self.run.record().checkpoint
        return None if named is None else self.project / named

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, read and split once a process.

        :raises InputError: it is not the one that the run's data step read.
        """
        from seatrial.data import open_dataset

        seed = self.config.reproducibility.seed
        found = open_dataset(self.config.data, self.project, seed, emit=self.emit)
        place = self.run.step("data")
        if place is not None:
            required = manifests.read(place.folder).inputs.get("dataset")
            if found.digest != required:
                raise InputError(
                    f"data: the images, labels and splits that run {place.run} read are required "
                    f"(digest {str(required)[:12]}), found others ({found.digest[:12]}); restore "
                    "them, or begin anew with seatrial finalize"
                )
        return found

    def folder(self, step: str) -> Path:
        """The files of an earlier step.

        :raises InputError: that step has not been done.
        """
        place = self.run.step(step)
        if place is None:
            raise InputError(f"run {self.run.id}: the step {step} is required first")
        return place.folder

    def whole(self, step: str) -> Path:
        """The files of an earlier step, each as the step's manifest says.

        :raises InputError: that step has not been done, or a file of it was changed since.
        """
        folder = self.folder(step)
        changes = manifests.changed_files(folder, manifests.read(folder))
        if changes:
            raise InputError(f"{folder}: not as its manifest says: {'; '.join(changes[:3])}")
        return folder

    def digest(self, step: str, path: str) -> str:
        """SHA-256 of an earlier step's file as the step's manifest has it.

        :raises InputError: that step has not been done, or left no such file.
        """
        folder = self.folder(step)
        for entry in manifests.read(folder).files:
            if entry.path == path:
                return entry.sha256
        raise InputError(f"{folder}/{path}: required, but the manifest does not list it")

    def record(self, step: str) -> Any:
        """The record of an earlier step, as its type."""
        return read_record(self.folder(step), RECORD_TYPES[step][1])


def _nothing(context: Context) -> None:
    """No condition."""


def _no_files(config: Config) -> tuple[str, ...]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class Step:
    """A unit of work with declared inputs. It is done again only when one of them changed."""

    name: str
    reads: tuple[str, ...]
    """Files of earlier steps, as ``step/path``; ``step/*`` is every file of that step."""
    settings: Callable[[Config], object]
    """The part of the configuration that the step depends on, as plain data."""
    work: Callable[[Context, Path], Record]
    """Does the work into a fresh folder and returns the record; the pipeline writes it."""
    check: Callable[[Context], None] = _nothing
    """Raises what is bound to stop the step, before any step begins: reading a large data set
    takes longer than finding out that there is no such architecture."""
    project_files: Callable[[Config], tuple[str, ...]] = _no_files
    """Files of the project that it reads, by path relative to the project."""
    adds_to: tuple[str, ...] = ()
    """Files of the project that it adds a line to. What they held before is no input: it would
    change with every run, and the same work adds nothing a second time."""
    copies: tuple[str, ...] = ()
    """Folders of the project whose files it first copies among its own, where its manifest has
    them, and reads there."""
    builds_model: bool = False
    """Whether it builds the model, so that a model of the project's own is an input: its code."""
    timed: bool = False
    """Whether the result depends on the machine's speed, so that it holds on one machine only."""
    carries: str | None = None
    """The file with which an attempt that died leaves something to go on from, if any can."""
    belongs_to_run: bool = False
    """Whether the result names its run, so that another run cannot take it over."""
