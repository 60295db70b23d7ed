"""Values that are each right and cannot stand together."""

from __future__ import annotations

from pathlib import PurePosixPath

from seatrial.config.metric_names import METRICS
from seatrial.config.schema import Config, Data

Problem = tuple[tuple[str | int, ...], str]


def impossible(config: Config) -> list[Problem]:
    """Every impossible combination: where it stands in the file, and what is wrong."""
    return [*_data(config.data), *_augmentation(config), *_training(config), *_release(config)]


def _data(data: Data) -> list[Problem]:
    problems: list[Problem] = []
    if data.source in ("folder", "csv", "npz") and data.root is None:
        problems.append((("data", "root"), f"required with source: {data.source}"))
    if data.source == "torchvision" and data.dataset is None:
        problems.append((("data", "dataset"), "required with source: torchvision, such as CIFAR10"))
    if (data.mean is None) != (data.std is None):
        problems.append((("data", "mean"), "mean and std are given together or not at all"))
    for name in ("mean", "std"):
        values = getattr(data, name)
        if values is not None and len(values) != data.channels:
            found = f"found {len(values)} values"
            problems.append(
                (("data", name), f"expected one value a channel ({data.channels}), {found}")
            )
    if data.fractions is not None:
        given = [f for f in data.fractions.model_dump().values() if f is not None]
        total = sum(given)
        if total > 1 + 1e-9 or (len(given) == 3 and abs(total - 1) > 1e-9):
            problems.append((("data", "fractions"), f"expected a sum of 1, found {total:g}"))
    return problems


def _augmentation(config: Config) -> list[Problem]:
    size = config.data.image_size
    if size is None or not config.data_augmentation.enabled:
        return []
    expected = (size, size) if isinstance(size, int) else size
    problems: list[Problem] = []
    for index, transform in enumerate(config.data_augmentation.transforms):
        crop = transform.random_crop
        if crop is not None and crop.size != expected:
            where = ("data_augmentation", "transforms", index, "random_crop")
            problems.append((where, f"expected data.image_size {expected}, found {crop.size}"))
    return problems


def _training(config: Config) -> list[Problem]:
    problems: list[Problem] = []
    training, metric = config.training, config.early_stopping.metric
    choices = [f"val_{name}" for name in METRICS if name != "confusion_matrix"]
    if metric not in choices:
        found = f"expected one of {', '.join(choices)}, found {metric!r}"
        problems.append((("early_stopping", "metric"), found))
    if training.precision == "fp16" and training.device == "cpu":
        problems.append((("training", "precision"), "fp16 trains on a GPU only; a CPU takes bf16"))
    if config.scheduler.warmup_epochs >= training.epochs:
        found = f"expected fewer than training.epochs ({training.epochs})"
        problems.append((("scheduler", "warmup_epochs"), found))
    if config.optimizer.nesterov and config.optimizer.momentum == 0:
        problems.append((("optimizer", "nesterov"), "needs a momentum above 0"))
    return problems


def _release(config: Config) -> list[Problem]:
    problems: list[Problem] = []
    checkpointing = config.checkpointing
    for name in ("save_best", "save_last"):
        if not getattr(checkpointing, name):
            needed = "a release needs it: the checklist loads and resumes this checkpoint"
            problems.append((("checkpointing", name), f"expected true; {needed}"))
    directory = PurePosixPath(checkpointing.output_dir)
    if directory.is_absolute() or ".." in directory.parts:
        problems.append((("checkpointing", "output_dir"), "expected a path inside the project"))
    if config.export.enabled and not config.export.formats:
        problems.append((("export", "formats"), "expected at least one format, or enabled: false"))
    if (
        config.export.quantization.enabled
        and config.export.enabled
        and ("onnx" not in config.export.formats)
    ):
        problems.append((("export", "quantization"), "int8 is made from onnx; add it to formats"))
    if 1 not in config.benchmark.batch_sizes:
        problems.append((("benchmark", "batch_sizes"), "expected batch size 1 among them"))
    return problems
