"""Every way to forge one file, and every kind of file that a release consists of."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.files import pretty_json, sha256_file

from .conftest import Made


class NotApplicable(Exception):
    """The forgery would change nothing, or cannot be made of this file."""


@dataclass(frozen=True)
class Artifact:
    """A file of a release. ``alone``: nothing but the release belongs in its folder."""

    path: str
    alone: bool = True

    @property
    def step(self) -> str | None:
        """The step whose manifest lists it."""
        parts = self.path.split("/")
        listed = parts[0] == "runs" and len(parts) > 3 and parts[-1] != "manifest.json"
        return "/".join(parts[:3]) if listed else None


ARTIFACTS: Mapping[str, Artifact] = {
    "checkpoint": Artifact("runs/{maker}/train/checkpoints/final_model_best.pt"),
    "resolved configuration": Artifact("runs/{maker}/train/config.yaml"),
    "training log": Artifact("runs/{maker}/train/training.log"),
    "training record": Artifact("runs/{maker}/train/record.json"),
    "data record": Artifact("runs/{maker}/data/record.json"),
    "splits": Artifact("runs/{maker}/data/splits.json"),
    "predictions": Artifact("runs/{maker}/evaluate/predictions.npz"),
    "metrics": Artifact("runs/{maker}/evaluate/metrics.json"),
    "evaluation record": Artifact("runs/{maker}/evaluate/record.json"),
    "picture": Artifact("runs/{maker}/evaluate/confusion_matrix.png"),
    "export": Artifact("runs/{maker}/export/production_model.onnx"),
    "metadata": Artifact("runs/{maker}/export/production_model.onnx.json"),
    "verification record": Artifact("runs/{maker}/verify/record.json"),
    "benchmark record": Artifact("runs/{maker}/benchmark/record.json"),
    "first manifest": Artifact("runs/{maker}/data/manifest.json"),
    "manifest": Artifact("runs/{maker}/train/manifest.json"),
    "last manifest": Artifact("runs/{judge}/gate/manifest.json"),
    "run.json of the maker": Artifact("runs/{maker}/run.json", alone=False),
    "run.json": Artifact("runs/{judge}/run.json"),
    "config.yaml": Artifact("runs/{judge}/config.yaml"),
    "reference": Artifact("runs/{judge}/train.reused.json"),
    "outcome": Artifact("runs/{judge}/outcome.json"),
    "document in the run": Artifact("runs/{judge}/document/docs/model_card.md"),
    "known issues": Artifact("runs/{judge}/document/known_issues.yaml"),
    "gate record": Artifact("runs/{judge}/gate/record.json"),
    "gate.json in the run": Artifact("runs/{judge}/gate/gate.json"),
    "verdict document in the run": Artifact("runs/{judge}/gate/final_report.md"),
    "published model": Artifact("models/production_model.onnx"),
    "published metadata": Artifact("models/production_model.onnx.json"),
    "published checkpoint": Artifact("checkpoints/production/final_model_best.pt"),
    "published predictions": Artifact("results/production/predictions.npz"),
    "published picture": Artifact("results/production/learning_curves.png"),
    "published gate.json": Artifact("results/production/gate.json"),
    "published verdicts": Artifact("results/production/production_ready.md"),
    "published document": Artifact("docs/model_card.md", alone=False),
    "published report": Artifact("final_report.md", alone=False),
    "published configuration": Artifact("configs/final_config.yaml", alone=False),
    "statement": Artifact("results/production/provenance.json"),
    "envelope": Artifact("results/production/provenance.dsse.json"),
    "release.json": Artifact("results/production/release.json"),
    "ledger": Artifact("results/test_ledger.jsonl", alone=False),
}


def _flip_bit(made: Made, artifact: Artifact, path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def _flip_last_bit(made: Made, artifact: Artifact, path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path


def _append(made: Made, artifact: Artifact, path: Path) -> Path:
    path.write_bytes(path.read_bytes() + b"x")
    return path


def _truncate(made: Made, artifact: Artifact, path: Path) -> Path:
    os.truncate(path, path.stat().st_size // 2)
    return path


def _empty(made: Made, artifact: Artifact, path: Path) -> Path:
    os.truncate(path, 0)
    return path


def _zero(made: Made, artifact: Artifact, path: Path) -> Path:
    """The right size and nothing in it, as a file system leaves it after a crash."""
    path.write_bytes(bytes(path.stat().st_size))
    return path


def _delete(made: Made, artifact: Artifact, path: Path) -> Path:
    path.unlink()
    return path


def _rename(made: Made, artifact: Artifact, path: Path) -> Path:
    path.rename(path.with_name(f"{path.name}.bak"))
    return path


def _alone(artifact: Artifact) -> None:
    if not artifact.alone:
        raise NotApplicable


def _add(made: Made, artifact: Artifact, path: Path) -> Path:
    _alone(artifact)
    added = path.with_name(f"more-{path.name}")
    shutil.copy(path, added)
    return added


def _add_dotfile(made: Made, artifact: Artifact, path: Path) -> Path:
    _alone(artifact)
    added = path.with_name(".hidden")
    added.write_text("hidden")
    return added


def _add_folder(made: Made, artifact: Artifact, path: Path) -> Path:
    _alone(artifact)
    added = path.with_name("empty")
    added.mkdir()
    return added


def _link_to_outside(made: Made, artifact: Artifact, path: Path) -> Path:
    outside = made.project / "images" / path.name
    shutil.move(path, outside)
    path.symlink_to(outside)
    return path


def _hard_link(made: Made, artifact: Artifact, path: Path) -> Path:
    os.link(path, made.project / "images" / "second-name")
    return path


def _pipe(made: Made, artifact: Artifact, path: Path) -> Path:
    path.unlink()
    os.mkfifo(path)
    return path


def _folder(made: Made, artifact: Artifact, path: Path) -> Path:
    path.unlink()
    path.mkdir()
    return path


def _swap(made: Made, artifact: Artifact, path: Path) -> Path:
    """With the next file of its folder, or of the release where it is the only one. Not with its
    manifest: that is a case of its own, in which the manifest is what is named."""
    digest = sha256_file(path)
    files = [p for p in sorted(path.parent.iterdir()) if p.is_file() and p != path]
    near = [p for p in files if p.name != "manifest.json"]
    far = [made.path(one.path) for one in ARTIFACTS.values()]
    other = next(p for p in (*near, *far) if p.is_file() and sha256_file(p) != digest)
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)
    return path


def _replay(made: Made, artifact: Artifact, path: Path) -> Path:
    """What stood there, or in that step, in the earlier release."""
    if artifact.path.startswith("runs/"):
        inside = artifact.path.split("/", 2)[2]
        older = made.project / "runs" / made.earlier / inside
    else:
        older = made.old / artifact.path
    if not older.is_file() or older.read_bytes() == path.read_bytes():
        raise NotApplicable
    shutil.copy(older, path)
    return path


def _edit_with_manifest(made: Made, artifact: Artifact, path: Path) -> Path:
    """The manifest edited to match: the chain breaks at whatever came after it."""
    if artifact.step is None:
        raise NotApplicable
    _flip_bit(made, artifact, path)
    manifest = made.path(artifact.step) / "manifest.json"
    content = json.loads(manifest.read_bytes())
    name = path.relative_to(manifest.parent).as_posix()
    for file in content["files"]:
        if file["path"] == name:
            file["sha256"] = sha256_file(path)
    manifest.write_text(pretty_json(content))
    return manifest


Forge = Callable[[Made, Artifact, Path], Path]
"""Forges the file at a path; the path that must be named, or in whose step."""

FORGERIES: Mapping[str, Forge] = {
    "bit flip": _flip_bit,
    "flip of the last bit": _flip_last_bit,
    "append": _append,
    "truncate": _truncate,
    "empty": _empty,
    "zeroes": _zero,
    "delete": _delete,
    "rename": _rename,
    "add": _add,
    "dotfile": _add_dotfile,
    "empty folder": _add_folder,
    "symbolic link": _link_to_outside,
    "hard link": _hard_link,
    "pipe": _pipe,
    "folder in its place": _folder,
    "swapped pair": _swap,
    "replayed earlier version": _replay,
    "edited with its manifest": _edit_with_manifest,
}
