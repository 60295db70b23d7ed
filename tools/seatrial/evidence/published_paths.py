"""Where the files of a run are published: one table for who copies, states or signs them."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from seatrial.config.schema import Config

RESULTS = "results/production"
MODELS = "models"
_CHECKPOINTS = "checkpoints"
"""Stands for the folder that the configuration names."""

_FOLDERS: Mapping[str, Mapping[str, str]] = {
    "data": {"splits.json": RESULTS, "*.png": RESULTS},
    "train": {
        "training.log": RESULTS,
        "learning_curves.png": RESULTS,
        "checkpoints/*.pt": _CHECKPOINTS,
    },
    "evaluate": {
        "metrics.json": RESULTS,
        "predictions.npz": RESULTS,
        "confusion_matrix.png": RESULTS,
        "reliability_diagram.png": RESULTS,
        "mistakes.png": RESULTS,
        "sample.png": MODELS,
    },
    "export": {"production_model*": MODELS},
}
"""By step and file in the step's folder. No star stands for a slash."""

STEPS = tuple(_FOLDERS)
"""The steps whose measured files are published; documents and verdicts follow later."""


def published_path(step: str, path: str, config: Config) -> str | None:
    """Where a file of a step is published, relative to the project; None if it is not.

    :param path: in the step's folder, as its manifest lists it.
    """
    for pattern, folder in _FOLDERS.get(step, {}).items():
        if path.count("/") == pattern.count("/") and fnmatchcase(path, pattern):
            into = config.checkpointing.output_dir if folder == _CHECKPOINTS else folder
            return f"{into}/{PurePosixPath(path).name}"
    return None
