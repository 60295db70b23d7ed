"""The train step: the final training, or taking over a checkpoint trained elsewhere."""

from __future__ import annotations

from pathlib import Path

from seatrial import training
from seatrial.config import load, strict_yaml
from seatrial.config.schema import Config
from seatrial.evidence.records import Record
from seatrial.files import write_text
from seatrial.publishing import RESOLVED
from seatrial.steps.interface import Context, Step
from seatrial.training import following

BEST = "checkpoints/final_model_best.pt"
LAST = "checkpoints/final_model_last.pt"
_SECTIONS = {
    "model", "loss", "optimizer", "scheduler", "training", "early_stopping",
    "data_augmentation", "checkpointing", "validation", "reproducibility",
}  # fmt: skip


def settings(config: Config) -> object:
    """The sections of the configuration that decide a training."""
    return config.model_dump(mode="json", include=_SECTIONS)


def as_trained(context: Context) -> Config:
    """The configuration as the training resolved it; for a checkpoint trained elsewhere, as now."""
    path = context.folder("train") / RESOLVED
    if path.exists():
        return load.load(path)
    return training.resolve_auto(context.config, project=context.project)


def _work(context: Context, output: Path) -> Record:
    dataset, project = context.dataset, context.project
    if context.checkpoint is not None:
        return training.given(context.config, context.checkpoint, dataset, output, project=project)
    config = _resolved(context)
    write_text(output / RESOLVED, strict_yaml.dump(config.model_dump(mode="json")))
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
        return load.load(earlier)
    return training.resolve_auto(context.config, context.dataset, project=context.project)


STEP = Step(
    name="train",
    reads=("data/splits.json", "data/preprocessing.json"),
    settings=settings,
    work=_work,
)
