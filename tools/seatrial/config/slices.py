"""What each step depends on in the configuration: its slice, as plain data.

A step whose slice and other inputs are as they were is not done again, so a slice holds what can
change the step's files and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seatrial.config.schema import Config

_TRAINING = {
    "model", "loss", "optimizer", "scheduler", "training", "early_stopping",
    "data_augmentation", "checkpointing", "validation", "reproducibility",
}  # fmt: skip


def data(config: Config) -> object:
    """How the data set is read, split and described."""
    # The root may be written in another way or the folder moved: the digest says what is there.
    return {
        "data": config.data.model_dump(mode="json", exclude={"root", "memory_budget_mb"}),
        "seed": config.reproducibility.seed,
    }


def train(config: Config) -> object:
    """The sections that decide a training."""
    return config.model_dump(mode="json", include=_TRAINING)


def evaluate(config: Config) -> object:
    """What is measured on the test set, and by which bounds it is described."""
    parts = {"model", "loss", "test_set", "targets", "reproducibility"}
    return config.model_dump(mode="json", include=parts)


def export(config: Config) -> object:
    """Formats, quantization, and what travels in a file's metadata."""
    return {
        "model": config.model.model_dump(mode="json"),
        "export": config.export.model_dump(mode="json", exclude={"max_accuracy_difference"}),
        "threads": config.benchmark.threads,
        "name": model_name(config),
        "seed": config.reproducibility.seed,
    }


def verify(config: Config) -> object:
    """The bound on what an export may lose."""
    return {
        "bound": config.export.max_accuracy_difference,
        "threads": config.benchmark.threads,
    }


def benchmark(config: Config) -> object:
    """How exports are measured."""
    return config.benchmark.model_dump(mode="json")


def whole(config: Config) -> object:
    """Documents and verdicts may say anything that is configured."""
    return config.model_dump(mode="json")


def model_name(config: Config) -> str:
    """The name stated for the model, else its architecture."""
    return config.documents.name or config.model.architecture


SLICES: Mapping[str, Callable[[Config], object]] = {
    "data": data,
    "train": train,
    "evaluate": evaluate,
    "export": export,
    "verify": verify,
    "benchmark": benchmark,
    "document": whole,
    "gate": whole,
}
"""By step, in their order."""
