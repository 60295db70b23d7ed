"""The train step: the final training, or taking over a checkpoint trained elsewhere."""

from __future__ import annotations

from pathlib import Path

from seatrial import models, training
from seatrial.config import load, slices, strict_yaml
from seatrial.config.schema import Config
from seatrial.errors import InputError
from seatrial.evidence.records import Record
from seatrial.files import sha256_file, write_text
from seatrial.publishing import RESOLVED
from seatrial.steps.interface import Context, Step
from seatrial.training import following

BEST = "checkpoints/final_model_best.pt"
LAST = "checkpoints/final_model_last.pt"


_CHOSEN = ("device", "threads", "fused_optimizer", "channels_last", "compile")
"""What a training chooses where its configuration says ``auto``."""


def as_trained(context: Context) -> Config:
    """The configuration as the training resolved it.

    :raises InputError: it was changed since, or is of another training.
    """
    path = context.folder("train") / RESOLVED
    if sha256_file(path) != context.digest("train", RESOLVED):
        raise InputError(f"{path}: changed since its manifest was written; run finalize anew")
    return _of_this_run(context, path)


def _of_this_run(context: Context, path: Path) -> Config:
    """A resolved configuration in a run's folder. It may tell what was chosen, and nothing else:
    the run's configuration alone says which code is run.

    :raises InputError: it differs in anything that is not chosen.
    """
    found = load.load(path)
    if _unchosen(found) != _unchosen(context.config):
        raise InputError(
            f"{path}: the configuration of another training than the run's; run finalize anew"
        )
    return found


def _unchosen(config: Config) -> object:
    plain = slices.train(config)
    assert isinstance(plain, dict)
    training = {key: value for key, value in plain["training"].items() if key not in _CHOSEN}
    return {**plain, "training": training}


def _check(context: Context) -> None:
    """:raises ConfigurationError: an unknown architecture, or a device that is not there."""
    models.find(context.config.model.architecture, context.project)
    device = training.resolve_device(context.config.training.device)
    if context.checkpoint is None:
        training.check_precision(context.config.training.precision, device)


def _work(context: Context, output: Path) -> Record:
    dataset, project = context.dataset, context.project
    config = _resolved(context)
    write_text(output / RESOLVED, strict_yaml.dump(config.model_dump(mode="json")))
    if context.checkpoint is not None:
        return training.given(config, context.checkpoint, dataset, output, project=project)
    following.lead(config, output, carried=context.carried)
    return training.train(
        config,
        dataset,
        output,
        project=project,
        carried=context.carried,
        emit=context.emit,
        stop=context.stop,
    )


def _resolved(context: Context) -> Config:
    earlier = context.carried / RESOLVED if context.carried else None
    if earlier is not None and earlier.exists():
        return _of_this_run(context, earlier)
    # A model trained elsewhere is not trained here, so there is nothing to choose by timing.
    dataset = context.dataset if context.checkpoint is None else None
    return training.resolve_auto(context.config, dataset, project=context.project)


STEP = Step(
    name="train",
    reads=("data/splits.json", "data/preprocessing.json"),
    settings=slices.train,
    work=_work,
    builds_model=True,
    carries=LAST,
    check=_check,
)
