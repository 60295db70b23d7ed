"""Damaged run folders, at ``status``, ``gate``, ``document``, ``verify`` and ``--resume``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reliability.malformed.case import Build, Case, edit_json

STATUS, GATE, DOCUMENT, VERIFY = ("status",), ("gate",), ("document",), ("verify",)


def run_of(project: Path) -> Path:
    """The folder of the seed's one run."""
    (found,) = [path for path in (project / "runs").iterdir() if path.is_dir()]
    return found


def _in_run(name: str, content: bytes | str | None) -> Build:
    """A file of the run gets other content, or goes."""

    def build(project: Path) -> None:
        path = run_of(project) / name
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return build


def _edited(name: str, change: Callable[[Any], object]) -> Build:
    return lambda project: edit_json(run_of(project) / name, change)


def _set(key: str, value: object) -> Callable[[Any], object]:
    def change(content: Any) -> None:
        content[key] = value

    return change


def _folder_at(name: str) -> Build:
    def build(project: Path) -> None:
        (run_of(project) / name).unlink(missing_ok=True)
        (run_of(project) / name).mkdir()

    return build


def _case(name: str, arguments: tuple[str, ...], build: Build, *says: str, code: int = 3) -> Case:
    return Case(name, arguments, code, says, build)


def _as_killed(build: Build) -> Build:
    """The run stands as after a kill within the training: nothing after data, no outcome."""

    def killed(project: Path) -> None:
        folder = run_of(project)
        for step in ("train", "evaluate", "export", "verify", "benchmark", "document", "gate"):
            shutil.rmtree(folder / step)
        (folder / "outcome.json").unlink()
        build(project)

    return killed


def _resumed(name: str, build: Build, *says: str, code: int = 3) -> Case:
    """``{run}`` stands for the run's name, which differs from seed to seed."""
    return Case(
        name, ("finalize", "--resume", "{run}"), code, says, _as_killed(build), resumes=True
    )


def _reused(content: str) -> Build:
    """A step that is said to be taken over from another run."""

    def build(project: Path) -> None:
        folder = run_of(project)
        shutil.rmtree(folder / "evaluate")
        (folder / "evaluate.reused.json").write_text(content)

    return build


def _outcome_gone_events(content: bytes) -> Build:
    def build(project: Path) -> None:
        (run_of(project) / "outcome.json").unlink()
        (run_of(project) / "events.jsonl").write_bytes(content)

    return build


def _link_as_step(project: Path) -> None:
    folder = run_of(project)
    shutil.rmtree(folder / "evaluate")
    (folder / "evaluate").symlink_to("../../../outside")


_EVENTS: tuple[tuple[str, bytes], ...] = (
    ("events of noise", bytes(range(256)) * 10),
    ("events that are numbers", b"1\n2\n"),
    ("events that are lists", b'[]\n["event"]\n'),
    ("events nested deep", b"[" * 100_000),
    ("a step without a name", b'{"event": "step", "state": "started"}\n'),
    ("a step without a state", b'{"event": "step", "step": "train"}\n'),
    ("a step that is a list", b'{"event": "step", "step": [1], "state": "started"}\n'),
    ("an epoch without figures", b'{"event": "epoch"}\n'),
    ("an epoch of text", b'{"event": "epoch", "epoch": "x", "epochs": [], "metrics": 3}\n'),
    ("seconds of text", b'{"event": "step", "step": "a", "state": "b", "seconds": "x"}\n'),
    ("infinite seconds", b'{"event": "step", "step": "a", "state": "b", "seconds": 1e999}\n'),
)
"""Not one of them stops ``status``: it says what can be read."""

CASES = (
    _case("run.json absent", STATUS, _in_run("run.json", None), "no run"),
    *(
        _case(f"run.json {name}", STATUS, _in_run("run.json", content), "run.json")
        for name, content in (
            ("empty", ""),
            ("cut", '{"id": "2026'),
            ("a list", "[]"),
            ("null", "null"),
            ("of noise", bytes(range(256))),
            ("nested deep", "[" * 100_000),
            ("of digits", "9" * 1_000_000),
        )
    ),
    _case("run.json without git", GATE, _edited("run.json", lambda r: r.pop("git")), "run.json"),
    _case("run.json with an unknown key", GATE, _edited("run.json", _set("more", 1)), "run.json"),
    _case("run.json a folder", GATE, _folder_at("run.json"), "run.json"),
    _case("config.yaml absent", GATE, _in_run("config.yaml", None), "config.yaml"),
    _case("config.yaml empty", GATE, _in_run("config.yaml", ""), "config.yaml", "changed"),
    _case("config.yaml edited", GATE, _in_run("config.yaml", "model: {}\n"), "changed"),
    _case("config.yaml of noise", GATE, _in_run("config.yaml", b"\xff\0"), "config.yaml"),
    _case("config.yaml a folder", GATE, _folder_at("config.yaml"), "config.yaml"),
    *(
        _case(f"a manifest {name}", GATE, _in_run("train/manifest.json", content), "manifest.json")
        for name, content in (
            ("empty", ""),
            ("cut", '{"step": "train"'),
            ("a list", "[]"),
            ("of noise", bytes(range(256))),
            ("nested deep", "[" * 100_000),
        )
    ),
    _case(
        "a manifest that climbs",
        GATE,
        _edited(
            "train/manifest.json",
            lambda m: m["files"].append(
                {"path": "../../../../outside/secret.txt", "size_bytes": 1, "sha256": "0" * 64}
            ),
        ),
        "secret",
    ),
    _case(
        "a manifest of a negative size",
        GATE,
        _edited("train/manifest.json", lambda m: m["files"][0].update(size_bytes=-1)),
        "changed",
    ),
    _case(
        "a manifest of no digest",
        GATE,
        _edited("train/manifest.json", lambda m: m["files"][0].update(sha256="")),
        "changed",
    ),
    _case("a record absent", GATE, _in_run("train/record.json", None), "record.json"),
    _case("a record cut", GATE, _in_run("evaluate/record.json", '{"a'), "record.json"),
    _case("a file changed", GATE, _in_run("evaluate/metrics.json", "{}"), "metrics.json"),
    _case("a file gone", DOCUMENT, _in_run("export/production_model.onnx", None), "missing"),
    _case("a file gone, at verify", VERIFY, _in_run("evaluate/predictions.npz", None), "missing"),
    _case(
        "a file changed, at verify",
        VERIFY,
        _in_run("export/production_model.onnx", b"x"),
        "changed",
    ),
    _case("a link for a step", GATE, _link_as_step, "evaluate"),
    _case("no files", ("status", "20200101"), lambda _: None, "20200101", "no run"),
    *(
        _case(f"a reference {name}", GATE, _reused(content), "evaluate.reused.json")
        for name, content in (
            ("empty", ""),
            ("a list", "[]"),
            ("without a run", '{"manifest_sha256": "0"}'),
            ("of a number", '{"run": 3, "manifest_sha256": "0"}'),
            ("that climbs", '{"run": "../../outside", "manifest_sha256": "0"}'),
            ("to an absolute path", '{"run": "/etc", "manifest_sha256": "0"}'),
            (
                "to nothing",
                json.dumps({"run": "20260101T000000Z-train-aaaa", "manifest_sha256": "0" * 64}),
            ),
        )
    ),
    *(
        Case(name, STATUS, 0, (), _outcome_gone_events(content), lines=0)
        for name, content in _EVENTS
    ),
    *(
        Case(f"an outcome {name}", STATUS, 3, ("outcome.json",), _in_run("outcome.json", content))
        for name, content in (
            ("empty", ""),
            ("a list", "[]"),
            ("a number", "3"),
            ("without a code", '{"state": "finished"}'),
            ("of an unknown state", '{"state": "lost", "exit_code": 0}'),
            ("with text for a code", '{"state": "finished", "exit_code": "zero"}'),
            ("of noise", bytes(range(256))),
        )
    ),
    _case(
        "an outcome with text for a code, waited for",
        ("status", "--wait"),
        _in_run("outcome.json", '{"state": "finished", "exit_code": "zero"}'),
        "outcome.json",
    ),
    Case("progress of noise", STATUS, 0, (), _in_run("progress.json", bytes(range(256))), lines=0),
    _resumed("resumed, with config.yaml edited", _in_run("config.yaml", "a: 1\n"), "changed"),
    _resumed("resumed, with config.yaml gone", _in_run("config.yaml", None), "config.yaml"),
    _resumed("resumed, with run.json cut", _in_run("run.json", "{"), "run.json"),
    _resumed(
        "resumed, with the data set gone",
        lambda project: shutil.rmtree(project / "images"),
        "images",
    ),
    _resumed(
        "resumed, with a manifest of noise", _in_run("data/manifest.json", b"\xff"), "manifest.json"
    ),
    _resumed("resumed, with a lock that is a folder", _folder_at("lock"), "lock"),
)
