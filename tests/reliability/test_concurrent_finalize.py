"""Several processes in one repository never harm each other's runs, nor what is published.

The processes are real. Where an order matters, one waits at an addressed point for another to end;
where it must not matter, they are let go from one point at once.
"""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from git import Actor, Repo

from reliability.addressed_kills import Ended, Hold, Kill, Running, event, run
from reliability.counting import full, report
from reliability.test_resume_schedules import make_project
from seatrial import publishing, steps
from seatrial.evaluation.ledger import read_ledger
from seatrial.evidence import manifests, runs
from seatrial.evidence.chain import broken_links
from seatrial.evidence.runs import Run
from seatrial.files import sha256_file, tree_files

LEDGER = "results/test_ledger.jsonl"
CONFIG = ("--config", "config.yaml")
FINALIZE = ("finalize", *CONFIG)
JUDGED = "rename gate.json"
"""The last thing a run writes before it is whole and published."""
ID = r"(?:^run|not published: run) (\d{8}T\d{6}Z-finalize-[0-9a-f]{4})"
"""A run's id at the beginning of what its process printed, and that of the one before which it
gave way."""
NOT_READY, REFUSED = 1, 3
SMALL: dict[str, dict[str, Any]] = {
    "export": {"enabled": full(), "formats": ["onnx"], "quantization": {"enabled": False}},
    "benchmark": {"repetitions": 2, "processes": 1, "batch_sizes": [1]},
}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one published release."""
    project = make_project(tmp_path_factory.mktemp("begun") / "project", "sgd", 0, more=SMALL)
    ended = run(project, FINALIZE)
    assert ended.code == NOT_READY, ended.output
    return project


@pytest.fixture
def project(begun: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(begun, tmp_path / "project", symlinks=True))


def the_run(project: Path, *others: Run) -> Run:
    """The one run of the project that is not among ``others``."""
    (found,) = (one for one in runs.all_runs(project) if one not in others)
    return found


def assert_whole(one: Run) -> None:
    """Every step is there, nothing in it differs from its manifest, and the chain holds."""
    for name in steps.ORDER:
        place = one.step(name)
        assert place is not None, f"{one.id} lacks {name}"
        assert manifests.changed_files(place.folder, manifests.read(place.folder)) == []
    assert broken_links(one, steps.ORDER) == []


def assert_published(project: Path, expected: Run) -> None:
    """Every published file is that run's, and nothing half done lies about."""
    release = publishing.read_release(project)
    assert release is not None
    assert release.run == expected.id
    for name, digest in release.files.items():
        assert sha256_file(project / name) == digest, name
        assert sha256_file(project / release.sources[name]) == digest, name
    assert publishing.cut_short(project) is None
    published = [name for name in tree_files(project) if not name.startswith("runs/")]
    assert [name for name in published if name.endswith((".new", ".earlier"))] == []


def assert_ledger(project: Path, models: int) -> None:
    """Every line is whole, and no model was counted twice or forgotten."""
    entries = read_ledger(project / LEDGER)
    assert len({(one.weights, one.test_set) for one in entries}) == len(entries) == models


def a_later_second(than: Run) -> None:
    """Runs are ordered by the second they began in."""
    while runs.now() <= than.record().started:
        pass


def test_the_run_that_began_first_does_not_replace_a_later_release(project: Path) -> None:
    """It ends whole, is told, and can still be published by hand."""
    (old,) = runs.all_runs(project)
    reached, go = event(), event()
    first = Running(
        project, (*FINALIZE, "reproducibility.seed=1"), name="first",
        hold=Hold(JUDGED, reached, go),
    )  # fmt: skip
    assert reached.wait(300)
    early = the_run(project, old)
    a_later_second(early)
    assert run(project, (*FINALIZE, "reproducibility.seed=2")).code == NOT_READY
    late = the_run(project, old, early)
    assert_published(project, late)
    go.set()
    ended = first.ended()
    assert ended.code == NOT_READY, ended.output
    assert f"not published: run {late.id}, which began later, is" in ended.output
    assert_published(project, late)
    for one in (old, early, late):
        assert_whole(one)
    assert_ledger(project, 3)
    a_later_second(late)
    assert run(project, ("gate", early.id)).code == NOT_READY
    release = publishing.read_release(project)
    assert release is not None
    assert release.sources["configs/final_config.yaml"].startswith(f"runs/{early.id}/")


def together(
    project: Path, commands: dict[str, tuple[str, ...]], killed: tuple[str, ...] = ()
) -> dict[str, Ended]:
    """Run all commands, and let them go on at once when all have come to their verdict.

    Meanwhile ``killed`` is begun and dies in its training.
    """
    go = event()
    reached = {name: event() for name in commands}
    started = {
        name: Running(project, command, name=name, hold=Hold(JUDGED, reached[name], go))
        for name, command in commands.items()
    }
    if killed:
        ended = Running(project, killed, (Kill("step", 4),), name="killed").ended()
        assert ended.code == -signal.SIGKILL, ended.output
    for name, running in started.items():
        assert reached[name].wait(300), running.ended().output
    go.set()
    ends = {name: running.ended() for name, running in started.items()}
    for ended in ends.values():
        assert ended.code == NOT_READY, ended.output
        assert "Traceback" not in ended.output
    return ends


ROUNDS = 5 if full() else 1
SEEDS = {"one": 1, "same": 1, "other": 2} if full() else {"one": 1, "same": 1}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_finalize_several_times_at_once(project: Path, number: int) -> None:
    """The same configuration twice, another one, and one that is killed while they go on."""
    (old,) = runs.all_runs(project)
    commands = {name: (*FINALIZE, f"reproducibility.seed={seed}") for name, seed in SEEDS.items()}
    ends = together(project, commands, killed=(*FINALIZE, "reproducibility.seed=3"))
    begun = [one for one in runs.all_runs(project) if one != old]
    whole = [one for one in begun if one.step("gate") is not None]
    (left,) = (one for one in begun if one not in whole)
    assert len(whole) == len(commands)
    for one in (old, *whole):
        assert_whole(one)
    assert_ledger(project, 1 + len(set(SEEDS.values())))
    release = publishing.read_release(project)
    assert release is not None
    published = Run(project, release.run)
    assert published.record().started == max(one.record().started for one in whole)
    assert_published(project, published)
    told = [ended.output for ended in ends.values() if "not published: run" in ended.output]
    for output in told:
        loser, winner = (Run(project, found) for found in re.findall(ID, output)[:2])
        assert loser in whole
        assert winner.record().started > loser.record().started
    if full():
        ended = run(project, ("finalize", "--resume", left.id))
        assert ended.code == NOT_READY, ended.output
        assert_whole(left)
        assert_ledger(project, 2 + len(set(SEEDS.values())))
    report("finalize at once", processes=len(begun), killed=1, whole=len(whole), told=len(told))


def test_one_of_two_processes_that_resume_a_run_is_refused(project: Path) -> None:
    (old,) = runs.all_runs(project)
    ended = run(project, ("train", *CONFIG, "reproducibility.seed=1"), (Kill("step", 10),))
    assert ended.code == -signal.SIGKILL
    left = the_run(project, old)
    reached, go = event(), event()
    resume = ("train", "--resume", left.id)
    first = Running(project, resume, name="first", hold=Hold("step", reached, go))
    assert reached.wait(300)
    for command in (resume, ("finalize", "--resume", left.id)):
        second = run(project, command)
        assert second.code == REFUSED
        assert f"run {left.id}: another process is at work on it" in second.output
    go.set()
    assert first.ended().code == 0
    place = left.step("train")
    assert place is not None
    assert manifests.changed_files(place.folder, manifests.read(place.folder)) == []


BESIDE = {
    "gate": ("gate",),
    "document": ("document",),
    "export only": ("finalize", "--export-only", "export.formats=[onnx,torchscript]"),
}


@pytest.mark.skipif(not full(), reason="the quick form has the others")
@pytest.mark.parametrize("which", list(BESIDE))
def test_another_command_beside_a_finalize(project: Path, which: str) -> None:
    """Both publish at once, if they publish; each run is whole, and the later one stands."""
    (old,) = runs.all_runs(project)
    reached, go = event(), event()
    finalize = Running(
        project, (*FINALIZE, "reproducibility.seed=1"), name="finalize",
        hold=Hold(JUDGED, reached, go),
    )  # fmt: skip
    assert reached.wait(300)
    early = the_run(project, old)
    a_later_second(early)
    beside = Running(project, BESIDE[which], name="beside")
    go.set()
    ends = [finalize.ended(), beside.ended()]
    assert all(one.code in (0, NOT_READY) for one in ends), [one.output for one in ends]
    assert all("Traceback" not in one.output for one in ends)
    other = the_run(project, old, early)
    assert_whole(early)
    for name in ("data", "train", "evaluate", "document"):
        assert other.step(name) is not None
    assert broken_links(other, steps.ORDER) == []
    assert_published(project, other)


@pytest.mark.skipif(not full(), reason="the quick form has the others")
def test_what_is_committed_is_the_documents_of_the_run_that_the_commit_names(
    project: Path,
) -> None:
    (project / ".gitignore").write_text("/runs/\n/models/\n/checkpoints/\n/*.txt\n/*.jsonl\n")
    with Repo.init(project, initial_branch="main") as repository:
        with repository.config_writer() as config:
            config.set_value("user", "name", "test")
            config.set_value("user", "email", "test@localhost")
        repository.git.add(all=True)
        actor = Actor("test", "test@localhost")
        first = repository.index.commit("begin", author=actor, committer=actor)
    commands = {
        name: (*FINALIZE, "--commit", f"reproducibility.seed={seed}")
        for name, seed in (("one", 1), ("other", 2))
    }
    together(project, commands)
    with Repo(project) as repository:
        commits = list(repository.iter_commits(f"{first.hexsha}..HEAD"))
        assert commits
        for commit in commits:
            named = Run(project, str(commit.message).splitlines()[0].rpartition(" ")[2])
            place = named.step("document")
            assert place is not None
            for name in ("docs/model_card.md", "docs/deployment_guide.md"):
                content = (commit.tree / name).data_stream.read()
                assert content == (place.folder / name).read_bytes()
    assert not (project / ".git/index.lock").exists()
