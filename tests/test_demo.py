"""The demo: a small project under git, made once, judged by one rule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from git import Repo

from factories import healthy_facts, healthy_project
from seatrial import demo, gates
from seatrial.config.load import load
from seatrial.errors import InputError


def test_the_project_is_committed_whole_and_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo.make(folder)
    with Repo(folder) as repository:
        first = repository.head.commit.hexsha
        assert not repository.is_dirty(untracked_files=True)
    demo.make(folder)
    with Repo(folder) as repository:
        assert repository.head.commit.hexsha == first
    assert load(folder / demo.CONFIG).data.source == "digits"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="--output"):
        demo.make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"evaluate.test.acc.value": 0.1}, False), ({"benchmark": None}, False)],
)
def test_it_succeeds_only_if_nothing_but_approval_is_missing(
    tmp_path: Path, changes: dict[str, object], expected: bool
) -> None:
    facts, project = healthy_project(tmp_path, changes)
    judged_on = healthy_facts().run.started[:10]
    gate = gates.judge("production_ready", facts, project, today=date.fromisoformat(judged_on))
    assert demo.only_approval_is_missing(gate) is expected


def test_the_whole_demo_passes_all_but_approval(tmp_path: Path) -> None:
    """The README's first promise, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "demo", "--output", "demo", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"},
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    verdicts = {item["id"]: item["verdict"] for item in outcome["gate"]["items"]}
    assert verdicts == {**dict.fromkeys(range(1, 24), "PASS"), 24: "FAIL"}
    assert outcome["exit_code"] == 1
    missing = [name for name in demo.WHAT_TO_OPEN if not (tmp_path / "demo" / name).exists()]
    assert missing == []
