"""Choices left to the machine: made once, by measuring where that is needed, then written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import nn

from seatrial.config.schema import Config, Training
from seatrial.data import Dataset
from seatrial.errors import TrainingError
from seatrial.training import optimizers, processes
from seatrial.training.assembly import (
    build_criterion,
    build_learner,
    compiled,
    input_shape,
    weight_type,
)
from seatrial.training.devices import (
    check_precision,
    default_threads,
    memory_errors,
    resolve_device,
    settled,
)
from seatrial.training.images import Normaliser
from seatrial.training.order import count_training_batches
from seatrial.training.progress_log import Emit
from seatrial.training.state import Learner
from seatrial.training.team import Team, assembled

_ROUNDS = 4
_SECONDS_TO_MEASURE = 6.0
_WORTHWHILE = 0.97
"""A candidate must take at most this share of the plain form's time."""
_SECONDS_WORTH_COMPILING = 1800.0
"""Compiling takes about a minute: below half an hour of training it is not tried."""


@dataclass(frozen=True)
class _Candidate:
    """A form in which the same training may be computed."""

    name: str
    channels_last: bool
    compile: bool


def resolve_auto(
    config: Config,
    dataset: Dataset | None = None,
    *,
    project: Path = Path(),
    emit: Emit | None = None,
) -> Config:
    """``config`` with every ``auto`` of ``training``, and open ``threads``, replaced by a choice.

    Device, threads and fused optimiser follow from what there is. Memory format and compilation
    are chosen by timing a few training steps of each form, in turn, on this machine; without a
    ``dataset``, or in one of several processes (which would each choose), the plain form is
    taken. A configuration without ``auto`` comes back as it is, at no cost. ``emit`` gets one
    ``{"event": "chosen", "milliseconds": {form: median step}, …}``.

    :raises ConfigurationError: a device that is not there, or a precision it does not have.
    """
    training = config.training
    device = resolve_device(training.device)
    check_precision(training.precision, device)
    here = max(processes.count_here(), training.devices)
    known: dict[str, object] = {
        "device": device,
        "threads": training.threads or default_threads(here),
    }
    if training.fused_optimizer == "auto":
        known["fused_optimizer"] = optimizers.can_fuse(config.optimizer.type)
    config = _with(config, known)
    if "auto" not in (training.channels_last, training.compile):
        return config
    measure = dataset is not None and not processes.under_torchrun()
    if not (measure and dataset):
        return _plain(config)
    try:
        return _measured(config, dataset, project, emit)
    except TrainingError:
        # Two forms need more memory than the one that trains: training says if that does not fit.
        return _plain(config)


def _with(config: Config, changes: dict[str, object]) -> Config:
    training = Training(**{**config.training.model_dump(), **changes})
    return config.model_copy(update={"training": training})


def _plain(config: Config) -> Config:
    training = config.training
    return _with(
        config,
        {
            "channels_last": training.channels_last is True,
            "compile": training.compile is True,
        },
    )


def _measured(config: Config, dataset: Dataset, project: Path, emit: Emit | None) -> Config:
    training = config.training
    plain = _Candidate("plain", training.channels_last is True, training.compile is True)
    forms = [plain]
    with _runner(config, dataset, project) as run:
        if training.channels_last == "auto" and _is_convolutional(run.learner(plain).model):
            forms.append(_Candidate("channels_last", True, plain.compile))
        times = run.time(forms) if len(forms) > 1 or training.compile == "auto" else {}
        chosen = _fastest(times, plain)
        left = times.get(chosen, 0.0) * run.steps
        if training.compile == "auto" and left > _SECONDS_WORTH_COMPILING:
            compiled = _Candidate("compiled", chosen.channels_last, True)
            times |= run.time_compiled(chosen, compiled)
            chosen = _fastest(times, chosen)
    if emit is not None:
        emit(
            {
                "event": "chosen",
                "channels_last": chosen.channels_last,
                "compile": chosen.compile,
                "milliseconds": {form.name: 1000 * seconds for form, seconds in times.items()},
            }
        )
    return _with(config, {"channels_last": chosen.channels_last, "compile": chosen.compile})


def _fastest(times: dict[_Candidate, float], plain: _Candidate) -> _Candidate:
    if plain not in times:
        return plain
    best = min(times, key=times.__getitem__)
    return best if times[best] <= _WORTHWHILE * times[plain] else plain


def _is_convolutional(model: nn.Module) -> bool:
    """More than the single patch embedding of a transformer."""
    return sum(isinstance(module, nn.Conv2d) for module in model.modules()) > 1


class _Runner:
    """Times training steps of the configured model on the first batch of the training images."""

    def __init__(self, team: Team, config: Config, dataset: Dataset, project: Path) -> None:
        self._team, self._config = team, config
        self._dataset, self._project = dataset, project
        indices, size = dataset.split_indices("train"), config.training.batch_size
        self._indices = indices[:size]
        self.steps = count_training_batches(len(indices), size) * config.training.epochs
        """Of the whole training, in batches."""

    def learner(self, form: _Candidate) -> Learner:
        """New objects in the form's memory format, with random weights."""
        return build_learner(
            _with(self._config, {"channels_last": form.channels_last, "compile": form.compile}),
            self._dataset,
            self._project,
            device=self._team.device,
            precision=self._team.fabric.strategy.precision,
            processes=1,
            pretrained=False,
        )

    def time(self, forms: list[_Candidate]) -> dict[_Candidate, float]:
        """Median seconds of a step, by form; the forms take turns."""
        steps = {form: self._step_of(form) for form in forms}
        started = time.monotonic()
        for step in steps.values():
            self._once(step)
        seconds: dict[_Candidate, list[float]] = {form: [] for form in forms}
        for _ in range(_ROUNDS):
            for form, step in steps.items():
                seconds[form].append(self._once(step))
            if time.monotonic() - started > _SECONDS_TO_MEASURE:
                break
        return {form: median(values) for form, values in seconds.items()}

    def time_compiled(self, plain: _Candidate, compiled: _Candidate) -> dict[_Candidate, float]:
        """Both in turn; compiling is counted, spread over all steps. Empty if it fails."""
        started = time.monotonic()
        try:
            self._once(self._step_of(compiled))
            cost = time.monotonic() - started
            times = self.time([plain, compiled])
        except Exception:  # the compiler raises nearly anything, and then does not help
            return {}
        return {**times, compiled: times[compiled] + cost / self.steps}

    def _step_of(self, form: _Candidate) -> Callable[[], None]:
        learner = self.learner(form)
        model = compiled(learner.model) if form.compile else learner.model
        module, optimizer = self._team.set_up(model, learner.optimizer)
        normalise = Normaliser(
            self._dataset.spec,
            self._team.device,
            channels_last=form.channels_last,
            dtype=weight_type(self._config.training.precision),
        )
        images = normalise(self._dataset.pixels(self._indices))
        labels = torch.from_numpy(self._dataset.labels(self._indices)).to(self._team.device)
        criterion = build_criterion(self._config.loss, None, len(self._dataset.classes))

        def step() -> None:
            module.train()
            self._team.fabric.backward(criterion(module(images), labels) / len(labels))
            optimizer.step()
            optimizer.zero_grad()

        return step

    def _once(self, step: Callable[[], None]) -> float:
        started = time.perf_counter()
        step()
        if self._team.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started


@contextmanager
def _runner(config: Config, dataset: Dataset, project: Path) -> Iterator[_Runner]:
    training = config.training
    assert training.threads is not None
    with (
        settled(threads=training.threads, deterministic=config.reproducibility.deterministic),
        memory_errors(
            batch_size=training.batch_size,
            accumulate=training.accumulate_batches,
            shape=input_shape(dataset.spec),
            device=training.device,
            doing="a training step",
        ),
        assembled(training.device, training.precision) as team,
    ):
        yield _Runner(team, config, dataset, project)
