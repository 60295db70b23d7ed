"""A forger who has everything but a private key: edits a record and makes all the rest fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from seatrial import gates, provenance, publishing, reports
from seatrial.audit.documents import before_documents
from seatrial.config.slices import SLICES
from seatrial.evidence.reading import read_facts
from seatrial.evidence.runs import Run
from seatrial.files import digest_of, pretty_json, sha256_file, tree_files
from seatrial.steps import ORDER

from .conftest import Made

Edit = Callable[[dict[str, Any]], None]


def edit(path: Path, change: Edit) -> None:
    """Change a JSON file and write it as Seatrial does."""
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(pretty_json(content))


def reseal(made: Made) -> None:
    """Make every digest, document, verdict, outcome and published file follow from the files of
    the maker as they are now."""
    maker, judge = Run(made.project, made.maker), Run(made.project, made.judge)
    _bind_config(maker)
    for step in ORDER:
        _manifest(maker, step)
    _outcome(maker, passed=False)
    edit(
        judge.folder / "run.json",
        lambda record: record["made_in"].update(sha256=sha256_file(maker.folder / "run.json")),
    )
    for path in judge.folder.glob("*.reused.json"):
        step = path.name.split(".")[0]
        digest = sha256_file(maker.folder / step / "manifest.json")
        edit(path, lambda reference, digest=digest: reference.update(manifest_sha256=digest))  # type: ignore[misc]
    _bind_config(judge)
    _document(judge)
    _manifest(judge, "document")
    passed = _gate(judge)
    _manifest(judge, "gate")
    _outcome(judge, passed=passed)
    publishing.publish(judge)


def _bind_config(run: Run) -> None:
    digest = sha256_file(run.folder / "config.yaml")
    edit(run.folder / "run.json", lambda record: record.update(config_sha256=digest))


def _document(run: Run) -> None:
    facts = before_documents(read_facts(run))
    for name, text in reports.render_documents(facts).items():
        (run.folder / "document" / name).write_text(text)
    statement = provenance.to_json_bytes(provenance.statement(facts))
    (run.folder / "document" / provenance.STATEMENT).write_bytes(statement)


def _gate(run: Run) -> bool:
    facts = read_facts(run)
    today = date.fromisoformat(facts.run.started[:10])
    folder = run.folder / "gate"
    gate = gates.judge(
        "production_ready", facts, run.project, today=today, approvals=folder / "approvals"
    )
    (folder / "record.json").write_text(pretty_json(gate.model_dump(mode="json")))
    (folder / "gate.json").write_text(pretty_json(gates.to_json(gate)))
    for name, text in reports.render_verdict_documents(facts, gate).items():
        (folder / name).write_text(text)
    return gate.passed


def _manifest(run: Run, step: str) -> None:
    folder = run.folder / step
    earlier = {name: run.step(name) for name in ORDER[: ORDER.index(step)]}
    places = {name: place.folder for name, place in earlier.items() if place is not None}

    def seal(manifest: dict[str, Any]) -> None:
        manifest["run"]["sha256"] = sha256_file(run.folder / "run.json")
        manifest["follows"] = {
            name: sha256_file(place / "manifest.json") for name, place in places.items()
        }
        for key in manifest["inputs"]:
            source, slash, name = key.partition("/")
            if slash and source in places:
                manifest["inputs"][key] = sha256_file(places[source] / name)
        manifest["inputs"]["config"] = digest_of(SLICES[step](run.config()))
        manifest["files"] = [
            {"path": name, "size_bytes": path.stat().st_size, "sha256": sha256_file(path)}
            for name, path in tree_files(folder).items()
            if name != "manifest.json"
        ]

    edit(folder / "manifest.json", seal)


def _outcome(run: Run, *, passed: bool) -> None:
    def seal(outcome: dict[str, Any]) -> None:
        outcome["exit_code"] = 0 if passed else 1
        outcome["run_sha256"] = sha256_file(run.folder / "run.json")
        outcome["manifests"] = run.manifests()

    edit(run.folder / "outcome.json", seal)
