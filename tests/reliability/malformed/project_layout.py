"""Projects where something else stands at the place of a folder or file of Seatrial's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from reliability.malformed.case import Build, Case
from reliability.malformed.seed import TRAIN

GATE = ("gate",)


def _file_at(name: str) -> Build:
    def build(project: Path) -> None:
        path = project / name
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a file")

    return build


def _folder_at(name: str) -> Build:
    def build(project: Path) -> None:
        (project / name).unlink(missing_ok=True)
        (project / name / "inside").mkdir(parents=True)

    return build


def _link_at(name: str, target: str) -> Build:
    def build(project: Path) -> None:
        path = project / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        path.symlink_to(target)

    return build


def _pipe_at(name: str) -> Build:
    def build(project: Path) -> None:
        (project / name).unlink(missing_ok=True)
        os.mkfifo(project / name)

    return build


def _foreign_runs(project: Path) -> None:
    """Things in ``runs/`` that are no runs are passed over."""
    for name in ("notes", "20260101T000000Z-finalize-zzzz"):
        (project / "runs" / name).mkdir(parents=True)
        (project / "runs" / name / "run.json").write_text("{}")


def _case(name: str, arguments: tuple[str, ...], build: Build, *says: str, code: int = 3) -> Case:
    return Case(name, arguments, code, says, build, publishes=True)


CASES = (
    _case("runs is a file, at status", ("status",), _file_at("runs"), "runs"),
    _case("runs is a file, at a training", TRAIN, _file_at("runs"), "runs"),
    _case("runs is a broken link", TRAIN, _link_at("runs", "nowhere"), "runs"),
    _case("runs is a loop", TRAIN, _link_at("runs", "runs"), "runs"),
    _case("models is a file", GATE, _file_at("models"), "models"),
    _case("models is a broken link", GATE, _link_at("models", "nowhere/at/all"), "models"),
    _case("models leads out of the project", GATE, _link_at("models", "../outside"), "models"),
    _case("docs is a file", GATE, _file_at("docs"), "docs"),
    _case("docs leads out of the project", GATE, _link_at("docs", "../outside"), "docs"),
    _case("results is a file", ("document",), _file_at("results"), "results"),
    _case(
        "results/production leads out",
        GATE,
        _link_at("results/production", "../../outside"),
        "results",
    ),
    _case("checkpoints is a file", GATE, _file_at("checkpoints"), "checkpoints"),
    _case(
        "a folder in place of a document", GATE, _folder_at("docs/model_card.md"), "model_card.md"
    ),
    _case(
        "a folder in place of the report", GATE, _folder_at("final_report.md"), "final_report.md"
    ),
    _case(
        "a folder in place of a model",
        GATE,
        _folder_at("models/production_model.onnx"),
        "production_model.onnx",
    ),
    _case("a pipe in place of the configuration", TRAIN, _pipe_at("config.yaml"), "config.yaml"),
    _case(
        "a pipe in place of known issues", TRAIN, _pipe_at("known_issues.yaml"), "known_issues.yaml"
    ),
    _case(
        "a loop in place of the configuration",
        TRAIN,
        _link_at("config.yaml", "config.yaml"),
        "config.yaml",
    ),
    Case(
        "no project",
        ("status",),
        3,
        ("no run yet",),
        lambda p: (p / "empty").mkdir(),
        folder="empty",
    ),
    Case(
        "no project, at the gate",
        ("gate",),
        3,
        ("no run yet",),
        lambda p: (p / "empty").mkdir(),
        folder="empty",
    ),
    Case("folders in runs that are no runs", ("status",), 0, (), _foreign_runs, lines=0),
)
