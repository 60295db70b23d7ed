"""Verdicts rest on files as they are now: nothing missing, nothing changed, nothing trusted."""

from __future__ import annotations

import datetime
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import RUN_ID, changed, healthy_facts, healthy_project, png, predictions
from seatrial import gates
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord
from seatrial.files import sha256_file
from seatrial.gates import evidence_files, judging
from seatrial.gates.evidence_files import Digests
from seatrial.gates.judging import judge_item

TODAY = datetime.date(2026, 11, 20)
RUN = f"runs/{RUN_ID}"


def judge_it(facts: Facts, project: Path) -> GateRecord:
    return gates.judge("production_ready", facts, project, today=TODAY)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return healthy_project(tmp_path_factory.mktemp("project"))[1]


def evidence_paths(project: Path) -> list[str]:
    gate = judge_it(healthy_facts(), project)
    return sorted({file.path for item in gate.items for file in item.evidence})


def test_every_verdict_but_the_approval_names_files_with_their_digests_of_now(
    project: Path,
) -> None:
    for item in judge_it(healthy_facts(), project).items[:-1]:
        assert item.evidence, item.id
        for file in item.evidence:
            assert file.sha256 == sha256_file(project / file.path)


def test_every_file_of_the_run_is_evidence_of_some_item_or_looked_into(project: Path) -> None:
    """Whatever file of a step goes missing, some item is no longer PASS."""
    files = [p for p in project.rglob("*") if p.is_file()]
    assert len(files) > 30
    for path in files:
        content = path.read_bytes()
        path.unlink()
        gate = judge_it(healthy_facts(), project)
        path.write_bytes(content)
        assert any(item.verdict in ("ERROR", "FAIL") for item in gate.items[:-1]), path


def test_a_missing_evidence_file_is_an_error_that_names_it(project: Path) -> None:
    for name in evidence_paths(project):
        path = project / name
        content = path.read_bytes()
        path.unlink()
        gate = judge_it(healthy_facts(), project)
        path.write_bytes(content)
        open_reasons = [item.reason for item in gate.items if item.verdict != "PASS"]
        assert any(Path(name).name in reason for reason in open_reasons), name


def test_one_changed_byte_is_an_error_that_names_the_file(project: Path) -> None:
    for name in evidence_paths(project):
        if name == f"{RUN}/run.json":
            continue  # no manifest lists it; what it says is compared instead
        path = project / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        gate = judge_it(healthy_facts(), project)
        path.write_bytes(content)
        wrong = [item for item in gate.items if item.verdict == "ERROR"]
        assert any(f"{name}: changed since it was recorded" in item.reason for item in wrong), name


def test_a_run_that_says_something_else_than_the_facts_fails(judge: Any) -> None:
    path = f"{RUN}/run.json"
    gate = judge(
        spoil=lambda p: (p / path).write_text((p / path).read_text().replace("main", "mine"))
    )
    assert gate.items[20].verdict == "FAIL"
    assert "run.json" in gate.items[20].reason


def test_a_link_in_place_of_a_file_is_an_error(judge: Any, tmp_path: Path) -> None:
    def link(project: Path) -> None:
        path = project / RUN / "train/checkpoints/final_model_best.pt"
        path.rename(tmp_path / "elsewhere.pt")
        path.symlink_to(tmp_path / "elsewhere.pt")

    gate = judge(spoil=link)
    assert gate.items[1].verdict == "ERROR"
    assert "a link, not a file" in gate.items[1].reason


def test_runs_on_another_disk_are_judged_through_a_linked_folder(
    judge: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    disk = tmp_path_factory.mktemp("disk") / "runs"

    def move(project: Path) -> None:
        shutil.move(project / "runs", disk)
        (project / "runs").symlink_to(disk)

    assert [item.id for item in judge(spoil=move).items if item.verdict != "PASS"] == [24]


def test_a_whole_missing_run_folder_leaves_nothing_passing(judge: Any) -> None:
    gate = judge(spoil=lambda p: shutil.rmtree(p / RUN))
    assert {item.verdict for item in gate.items} <= {"ERROR", "FAIL"}
    assert not gate.passed


def test_each_file_is_hashed_once_a_judgement(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return sha256_file(path)

    monkeypatch.setattr(evidence_files, "sha256_file", counted)
    judge_it(healthy_facts(), project)
    assert hashed
    assert len(hashed) == len(set(hashed))


def test_no_item_depends_on_another(project: Path) -> None:
    facts = healthy_facts()
    whole = judge_it(facts, project)
    items = list(gates.load_checklist("production_ready").items)
    random.Random(0).shuffle(items)
    alone = {item.id: judge_item(item, facts, Digests(project)) for item in items}
    assert [alone[item.id] for item in whole.items] == list(whole.items)


def test_a_check_that_breaks_is_an_error_and_the_others_go_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = dict(judging.CHECKS)

    def breaks(case: object) -> object:
        raise ZeroDivisionError("no images")

    broken["target_met"] = broken["target_met"].__class__("target_met", "", breaks)
    monkeypatch.setattr(judging, "CHECKS", broken)
    gate = judge_it(healthy_facts(), project)
    assert gate.items[7].verdict == "ERROR"
    assert gate.items[7].reason == "not checked: ZeroDivisionError: no images"
    assert [i.id for i in gate.items if i.verdict != "PASS"] == [8, 24]


# ---------------------------------------------------------------- properties

MEASURED = ("run", "data", "train", "evaluate", "export", "verify", "benchmark", "documents")
FAULTS = {"leakage", "groups_crossing", "conflicting_labels", "unreadable", "diagnoses", "dirty"}
"""Lists that hold what is wrong: taking an entry out of them is no missing evidence."""


def _places(value: Any, path: str = "") -> list[str]:
    """Every place in facts that can be emptied, by its path."""
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, (list, tuple)):
        children = list(enumerate(value))
    else:
        return []
    found = []
    for key, child in children:
        place = f"{path}.{key}" if path else str(key)
        if str(key) not in FAULTS and "." not in str(key):
            found += [place, *_places(child, place)]
    return found


ALL_PLACES = [p for name in MEASURED for p in [name, *_places(
    getattr(healthy_facts(), name).model_dump(), name)]]  # fmt: skip

BROKEN: dict[str, Any] = {
    "train.epochs.11.train_loss": 0.9,
    "train.last_resumable": False,
    "evaluate.reevaluated_value": 0.5,
    "evaluate.classes.1.f1": {"value": 0.2},
    "evaluate.confusion.0.1": 3,
    "verify.formats.1.passed": False,
    "verify.formats.0.golden_agree": 1,
    "benchmark.formats.1.error": "crashed",
    "documents.code_blocks.1.exit_code": 1,
    "documents.documents.3.missing_sections": ["Thresholds"],
    "run.git.commit": None,
    "evaluate.n_test": 299,
    "train.epochs.3.epoch": 9,
}


def _emptied(facts: Facts, path: str) -> Facts | None:
    """Facts with one place set to None, or taken out of its list or dictionary."""
    for value in (None, (), {}, "", 0):
        try:
            return changed(facts, path, value)
        except ValueError:
            continue
    return None


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(ALL_PLACES), base=st.sampled_from(sorted(BROKEN)))
def test_taking_evidence_away_never_turns_a_verdict_to_pass(
    project: Path, path: str, base: str
) -> None:
    if path == base:
        return  # the very figure that is wrong, set to a harmless value, is mended
    facts = changed(healthy_facts(), base, BROKEN[base])
    less = _emptied(facts, path)
    if less is not None:
        assert risen(facts, less, Digests(project)) == [], (base, path)


def risen(before: Facts, after: Facts, digests: Digests) -> list[str]:
    """Reasons of the items that pass after a change and did not before."""
    items = gates.load_checklist("production_ready").items
    held = [(item, judge_item(item, before, digests)) for item in items]
    return [
        verdict.reason
        for item, verdict in held
        if verdict.verdict != "PASS" and judge_item(item, after, digests).verdict == "PASS"
    ]


@pytest.mark.parametrize("base", sorted(BROKEN))
def test_each_broken_base_of_the_property_is_broken(project: Path, base: str) -> None:
    gate = judge_it(changed(healthy_facts(), base, BROKEN[base]), project)
    assert any(item.verdict != "PASS" for item in gate.items[:-1])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_worse_figures_never_turn_a_verdict_to_pass(project: Path, data: st.DataObject) -> None:
    worse = {
        "evaluate.test.acc.value": st.floats(0, 0.96),
        "evaluate.test.ece.value": st.floats(0.02, 1),
        "evaluate.gap.value": st.floats(0.06, 1),
        "evaluate.classes.0.f1.value": st.floats(0, 0.69),
        "train.epochs.11.train_loss": st.floats(0.7, 100),
        "benchmark.formats.0.peak_memory_mb": st.floats(200.1, 1e5),
        "verify.formats.3.accuracy_difference": st.floats(0.0051, 1),
        "verify.formats.4.golden_agree": st.integers(0, 7),
        "data.total_found": st.integers(1, 99),
    }
    path = data.draw(st.sampled_from(sorted(worse)))
    gate = judge_it(changed(healthy_facts(), path, data.draw(worse[path])), project)
    assert any(item.verdict != "PASS" for item in gate.items[:-1]), path


def test_pictures_count_only_where_there_are_mistakes(judge: Any) -> None:
    diagonal = ((100, 0, 0), (0, 100, 0), (0, 0, 100))
    perfect = {
        "evaluate.confusion": diagonal,
        "evaluate.n_mistakes": 0,
        "evaluate.mistakes": (),
        "evaluate.confusions": (),
        "evaluate.test.acc.value": 1.0,
        "evaluate.val.acc.value": 1.0,
    }
    gate = judge(perfect, replaced={"evaluate/predictions.npz": predictions(diagonal)})
    assert gate.items[10].verdict == "PASS"
    assert gate.items[10].measured == "0 mistakes of 300"


def test_a_picture_is_a_file_like_any_other(judge: Any) -> None:
    path = f"{RUN}/evaluate/confusion_matrix.png"
    gate = judge(spoil=lambda p: (p / path).write_bytes(png(99)))
    assert gate.items[10].verdict == "ERROR"
