"""The files of a release by the paths they are published at, with their digests."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from seatrial.config.schema import Config
from seatrial.evidence.facts import Facts

_RESULTS = "results/production"
_RESULT_FILES = {
    "data": ("splits.json", "*.png"),
    "train": ("training.log", "learning_curves.png"),
    "evaluate": (
        "metrics.json", "predictions.npz", "confusion_matrix.png", "reliability_diagram.png",
        "mistakes.png",
    ),
}  # fmt: skip
_MODEL_FILES = {"evaluate": ("sample.png",), "export": ("production_model*",)}
_CHECKPOINTS = {"train": ("checkpoints/*.pt",)}


def released_digests(facts: Facts) -> dict[str, str]:
    """SHA-256 of every published file of the steps up to measurement, by its published path.

    Documents and verdicts are not among them: they name the run that wrote them, and may be
    written again for the same release. The resolved configuration is a byproduct, since it is
    published only where no person has written one.
    """
    found: dict[str, str] = {}
    for step in ("data", "train", "evaluate", "export"):
        for file in facts.steps[step].manifest.files if step in facts.steps else ():
            path = _published_path(step, file.path, facts.config)
            if path is not None:
                found[path] = file.sha256
    return dict(sorted(found.items()))


def _published_path(step: str, path: str, config: Config) -> str | None:
    name = PurePosixPath(path).name
    for table, folder in (
        (_RESULT_FILES, _RESULTS),
        (_MODEL_FILES, "models"),
        (_CHECKPOINTS, config.checkpointing.output_dir),
    ):
        # No star stands for a slash: only the files of that very folder are published.
        if any(
            path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)
            for pattern in table.get(step, ())
        ):
            return f"{folder}/{name}"
    return None
