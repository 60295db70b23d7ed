"""The model and configuration that the benchmarks share: ResNet-18 at 32 px, one epoch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from git import Actor, Repo

from seatrial.config import strict_yaml
from seatrial.config.load import check
from seatrial.config.schema import Config

NAME = "configs/final_config.yaml"
_IDENTITY = Actor("Seatrial benchmark", "benchmark@localhost")


def settings(images: Path) -> dict[str, Any]:
    """The configuration as a person writes it: what is not here is as by default."""
    return {
        "model": {"architecture": "resnet18"},
        "data": {"source": "folder", "root": os.fspath(images)},
        "training": {"epochs": 1, "batch_size": 64, "device": "cpu"},
        "data_augmentation": {
            "transforms": [{"random_crop": [32, 32]}, {"horizontal_flip": {"p": 0.5}}]
        },
    }


def configuration(images: Path) -> Config:
    """The same, typed."""
    return check(settings(images), NAME)


def lay_out_project(folder: Path, images: Path) -> None:
    """A project under git with this configuration and nothing else, committed."""
    content = {
        NAME: strict_yaml.dump(settings(images)),
        "known_issues.yaml": "issues: []\n",
        ".gitignore": "/runs/\n/models/\n/checkpoints/\n*.npz\n",
    }
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with Repo.init(folder, initial_branch="main") as repository:
        repository.index.add(list(content))
        repository.index.commit("Configure", author=_IDENTITY, committer=_IDENTITY)
