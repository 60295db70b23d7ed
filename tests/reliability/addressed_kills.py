"""Runs ``seatrial`` in a process that ends itself with SIGKILL at an addressed point.

No timers: a point is a step of the work, counted from the start of the process. Nothing of
Seatrial is changed for it. ``training.train`` is called with a ``stop`` that counts optimiser
steps, ``torch.save`` and the data set's ``pixels`` count their calls, and an audit hook sees every
rename before the operating system does it.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import multiprocessing
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

NOTES, TRACE, CONSOLE = "killed.json", "trace.jsonl", "console.txt"
PATIENCE_S = 300
"""How long a process is waited for that has hung; nothing is decided by it."""
SAVE_EVERY_STEPS = 2
"""Within an epoch; without it, an epoch of a test would end before the first is due."""


@dataclass(frozen=True)
class Kill:
    """At the ``number``-th passing of ``point`` in this process, send ``signal`` to it.

    Points: ``step`` (gradients computed, weights not yet changed), ``validation`` (a batch of the
    validation split is asked for), ``epoch`` (an epoch is over and judged, and not yet saved),
    ``write`` (half of a checkpoint is written), ``rename NAME`` (before the rename to NAME).
    """

    point: str
    number: int
    signal: int = signal.SIGKILL


@dataclass(frozen=True)
class Hold:
    """At the first passing of ``point``, set ``reached`` and wait until ``go`` is set."""

    point: str
    reached: Any
    go: Any


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, or the signal's number, negative; what it printed."""

    code: int
    output: str


class _Addresses:
    """Counts points, and acts at the addressed ones."""

    def __init__(self, kills: tuple[Kill, ...], hold: Hold | None, notes: Path) -> None:
        self._hold = hold
        self._kills = {(kill.point, kill.number): kill for kill in kills}
        self._passed: Counter[str] = Counter()
        self._notes = notes
        self.learner: Any = None
        self.writer: Any = None

    def passed(self, point: str, *, in_writer: bool = False) -> None:
        self._passed[point] += 1
        if self._hold is not None and self._hold.point == point and self._passed[point] == 1:
            self._hold.reached.set()
            assert self._hold.go.wait(PATIENCE_S), "nobody let it go on"
        kill = self._kills.get((point, self._passed[point]))
        if kill is None:
            return
        if kill.signal == signal.SIGKILL:
            if self.writer is not None and not in_writer:
                self.writer.wait()  # what was submitted is on the disk, so the state is one
            self._note(kill)
        os.kill(os.getpid(), kill.signal)

    def _note(self, kill: Kill) -> None:
        """Where training stands at this moment, for the proof that the kill landed there."""
        learner = self.learner
        stands: dict[str, object] = {"point": kill.point, "number": kill.number, "signal": 9}
        if learner is not None:
            progress = learner.progress
            stands |= {
                "epoch": progress.epoch, "batch": progress.batch, "step": progress.step,
                "epochs_done": len(learner.history),
            }  # fmt: skip
        with self._notes.open("w") as stream:
            json.dump(stands, stream)


def event() -> Any:
    """Something that one process can wait for and another can set."""
    return _server().Event()


def _server() -> Any:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["seatrial.training", "seatrial.steps", "seatrial.plots"])
    return server


class Running:
    """A process that does ``seatrial`` with ``arguments`` in ``project``."""

    def __init__(
        self,
        project: Path,
        arguments: tuple[str, ...],
        kills: tuple[Kill, ...] = (),
        *,
        hold: Hold | None = None,
        name: str = "",
    ) -> None:
        self._console = project / f"{name}{CONSOLE}"
        self.process = _server().Process(
            target=_work, args=(str(project), arguments, kills, hold, name)
        )
        self.process.start()

    def ended(self) -> Ended:
        """Wait for its end."""
        self.process.join(PATIENCE_S)
        if self.process.exitcode is None:
            self.process.kill()
        assert self.process.exitcode is not None, self._console.read_text()
        return Ended(self.process.exitcode, self._console.read_text())


def run(project: Path, arguments: tuple[str, ...], kills: tuple[Kill, ...] = ()) -> Ended:
    """``seatrial`` with ``arguments`` in ``project``; ``killed.json`` there says where it died,
    and ``trace.jsonl`` holds, a line an optimiser step, every random state and the weights."""
    (project / NOTES).unlink(missing_ok=True)
    return Running(project, arguments, kills).ended()


def _work(
    project: str,
    arguments: tuple[str, ...],
    kills: tuple[Kill, ...],
    hold: Hold | None,
    name: str,
) -> None:
    os.chdir(project)
    with Path(f"{name}{CONSOLE}").open("w") as console:
        os.dup2(console.fileno(), 1)
        os.dup2(console.fileno(), 2)
    addresses = _Addresses(kills, hold, Path(f"{name}{NOTES}").resolve())
    _place(addresses, Path(f"{name}{TRACE}").resolve())
    from seatrial.cli.boundary import run as run_command
    from seatrial.cli.main import command

    sys.argv = ["seatrial", *arguments]
    run_command(command)


def _place(addresses: _Addresses, trace: Path) -> None:
    """Put the addresses around the public functions that training goes through."""
    import torch

    from seatrial import training
    from seatrial.training import session

    this_process = os.getpid()
    train = training.train

    def traced_train(
        config: Any, dataset: Any, output: Path, *, emit: Any, stop: Any, **more: Any
    ) -> Any:
        pixels, validation = dataset.pixels, set(dataset.split_indices("val").tolist())

        def counted_pixels(indices: Any) -> Any:
            if set(indices.tolist()) <= validation:
                addresses.passed("validation")
            return pixels(indices)

        def counted_stop() -> bool:
            _trace(trace, addresses.learner)
            addresses.passed("step")
            return bool(stop())

        def counted_emit(event: dict[str, object]) -> None:
            emit(event)
            if event["event"] == "epoch":
                addresses.passed("epoch")

        object.__setattr__(dataset, "pixels", counted_pixels)
        return train(
            config, dataset, output, emit=counted_emit, stop=counted_stop,
            **{**more, "checkpoint_every_steps": SAVE_EVERY_STEPS},
        )  # fmt: skip

    def remembered(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(make)
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            made = make(*arguments, **keywords)
            if getattr(addresses, name) is None:
                setattr(addresses, name, made)
            return made

        return wrapper

    save = torch.save

    def save_by_halves(content: Any, stream: IO[bytes]) -> None:
        whole = io.BytesIO()
        save(content, whole)
        half = len(whole.getvalue()) // 2
        stream.write(whole.getvalue()[:half])
        stream.flush()
        addresses.passed("write", in_writer=True)
        stream.write(whole.getvalue()[half:])

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and os.getpid() == this_process:
            addresses.passed(f"rename {Path(os.fsdecode(arguments[1])).name}", in_writer=True)

    training.train = traced_train
    session.build_learner = remembered("learner", session.build_learner)
    session.Writer = remembered("writer", session.Writer)  # type: ignore[assignment, misc]
    torch.save = save_by_halves  # type: ignore[assignment]
    sys.addaudithook(hook)


def _trace(path: Path, learner: Any) -> None:
    """One line: the optimiser step under way, every random state, and the weights."""
    import numpy as np
    import torch

    progress = learner.progress
    weights = hashlib.sha256()
    for tensor in learner.model.state_dict().values():
        weights.update(tensor.detach().contiguous().numpy().tobytes())
    line = {
        "epoch": progress.epoch,
        "batch": progress.batch,
        "step": progress.step,
        "torch": _digest(torch.get_rng_state().numpy().tobytes()),
        "numpy": _digest(repr(np.random.get_state(legacy=False)).encode()),
        "python": _digest(repr(random.getstate()).encode()),
        "weights": weights.hexdigest()[:16],
        "gradients": _digest(
            b"".join(p.grad.numpy().tobytes() for p in learner.model.parameters())
        ),
    }
    with path.open("a") as stream:
        stream.write(json.dumps(line) + "\n")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
