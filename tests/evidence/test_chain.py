"""Changing a manifest, or the record of the run that wrote it, breaks every later manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.config.load import check
from seatrial.evidence import manifests, runs
from seatrial.evidence.chain import broken_links, flaws
from seatrial.evidence.reading import RELEASED_STEPS
from seatrial.evidence.runs import Run, StepPlace
from seatrial.files import write_text


def begin(project: Path) -> Run:
    config = check({"model": {"architecture": "resnet18"}, "data": {"source": "digits"}}, "test")
    return runs.create(project, "finalize", config, config_path=None)


def do(run: Run, name: str) -> StepPlace:
    folder = run.folder / name
    manifests.begin(folder)
    write_text(folder / "a.txt", name)
    manifests.commit(
        folder,
        name,
        run=run.reference(),
        follows=run.manifests(),
        inputs={},
        started="start",
        finished="end",
    )
    return StepPlace(folder, run.id)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with every released step done by itself."""
    made = begin(tmp_path)
    for name in RELEASED_STEPS:
        do(made, name)
    return made


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_chain_of_an_untouched_run_is_whole(run: Run) -> None:
    assert broken_links(run, RELEASED_STEPS) == []


@pytest.mark.parametrize("number", range(len(RELEASED_STEPS)))
def test_a_changed_manifest_breaks_every_later_one(run: Run, number: int) -> None:
    edit(run.folder / RELEASED_STEPS[number] / manifests.MANIFEST, finished="later")
    broken = {problem.split("/")[2] for problem in broken_links(run, RELEASED_STEPS)}
    assert broken == set(RELEASED_STEPS[number + 1 :])


def test_a_changed_run_record_breaks_every_manifest(run: Run) -> None:
    edit(run.folder / runs.RECORD, command="train")
    assert broken_links(run, RELEASED_STEPS) == [
        f"runs/{run.id}/{step}/manifest.json: run.json of its run was changed since"
        for step in RELEASED_STEPS
    ]
    (run.folder / runs.RECORD).unlink()
    assert broken_links(run, RELEASED_STEPS) == [
        f"runs/{run.id}/{step}/manifest.json: run.json of its run is missing"
        for step in RELEASED_STEPS
    ]


def test_every_later_manifest_says_which_one_it_no_longer_follows(run: Run) -> None:
    edit(run.folder / "verify" / manifests.MANIFEST, finished="later")
    assert broken_links(run, RELEASED_STEPS) == [
        f"runs/{run.id}/benchmark/manifest.json: it follows another manifest of the step verify"
    ]


def test_a_link_that_is_left_out_is_named(run: Run) -> None:
    edit(run.folder / "benchmark" / manifests.MANIFEST, follows={})
    (problem,) = broken_links(run, RELEASED_STEPS)
    assert "does not follow data, train" in problem


def test_a_manifest_of_another_step_or_run_is_named(run: Run) -> None:
    path = run.folder / "benchmark" / manifests.MANIFEST
    edit(path, step="verify", run={"id": "another", "sha256": "0" * 64})
    problems = broken_links(run, RELEASED_STEPS)
    assert any("it is of the step verify" in problem for problem in problems)
    assert any("it is of run another" in problem for problem in problems)


def test_a_reused_step_is_held_to_the_chain_of_the_run_that_made_it(run: Run) -> None:
    later = begin(run.project)
    for name in RELEASED_STEPS[:-1]:
        place = run.step(name)
        assert place is not None
        later.refer(name, place)
    do(later, "benchmark")
    assert broken_links(later, RELEASED_STEPS) == []
    edit(run.folder / "data" / manifests.MANIFEST, finished="later")
    problems = broken_links(later, RELEASED_STEPS)
    assert any("data.reused.json" in problem for problem in problems)
    assert any(f"{run.id}/train" in problem for problem in problems)


def test_a_missing_earlier_step_is_named(run: Run) -> None:
    (run.folder / "data" / manifests.MANIFEST).unlink()
    problems = broken_links(run, RELEASED_STEPS)
    assert any("follows the step data, which is missing" in problem for problem in problems)


def test_a_changed_file_and_a_broken_link_are_both_flaws(run: Run) -> None:
    assert flaws(run, RELEASED_STEPS) == []
    (run.folder / "data" / "a.txt").write_text("other")
    assert flaws(run, RELEASED_STEPS) == [f"runs/{run.id}/data/a.txt: changed"]
    edit(run.folder / "data" / manifests.MANIFEST, finished="later")
    found = flaws(run, RELEASED_STEPS)
    assert found[0] == f"runs/{run.id}/data/a.txt: changed"
    assert len(found) == len(RELEASED_STEPS)
