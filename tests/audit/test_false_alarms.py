"""What nobody forged gives no finding, wherever it lies and however it came about."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gates.signing import make_person, needs_ssh_keygen
from seatrial.audit import Asked, audit
from seatrial.errors import InputError
from seatrial.evidence.runs import Run
from seatrial.gates.approvals import NOBODY, Trust, recording

from .conftest import Made, Restorer, judge, run


def lines(project: Path, name: str | None = None, asked: Asked | None = None) -> list[str]:
    """The findings as they are printed."""
    return [finding.line() for finding in audit(project, name, asked).findings]


def test_every_run_of_the_project_is_whole(made: Made) -> None:
    assert lines(made.project) == []
    assert lines(made.project, made.judge) == []
    assert lines(made.project, made.maker[-4:]) == []


def test_of_a_run_that_was_not_finished_the_lacking_steps_are_named(release: Made) -> None:
    again = run(release.project, names=("data", "train", "evaluate", "export", "verify"))
    found = audit(release.project, again).findings
    assert {finding.path for finding in found} == {
        f"runs/{again}/{step}.reused.json" for step in ("benchmark", "document", "gate")
    }


def test_measuring_an_untouched_release_again_finds_nothing(made: Made) -> None:
    report = made.audit(remeasure=True)
    assert [finding.line() for finding in report.findings] == []
    assert report.remeasured == ("data", "evaluate", "verify", "document")


@pytest.mark.parametrize("name", ["{maker}", "renamed by whoever copied it"])
def test_a_run_whose_folder_is_all_there_is_is_whole(made: Made, tmp_path: Path, name: str) -> None:
    copied = tmp_path / "elsewhere" / made.name(name)
    shutil.copytree(made.path("runs/{maker}"), copied)
    assert lines(tmp_path, str(copied)) == []


def test_what_to_bring_is_named_where_steps_of_another_run_are_reused(
    made: Made, tmp_path: Path
) -> None:
    copied = tmp_path / made.judge
    shutil.copytree(made.path("runs/{judge}"), copied)
    found = audit(tmp_path, str(copied)).findings
    steps = ("data", "train", "evaluate", "export", "verify", "benchmark")
    brought = {finding.path for finding in found if "bring" in finding.message}
    assert {made.name("runs/{maker}/") + step for step in steps} <= brought
    shutil.copytree(made.path("runs/{maker}"), tmp_path / made.maker)
    assert lines(tmp_path, str(copied)) == []


def test_a_data_set_that_lies_elsewhere_is_measured_there(made: Made, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(made.path("runs/{maker}"), copied)
    moved = Asked(remeasure=True, data=made.project / "images")
    assert lines(tmp_path, str(copied), moved) == []
    (finding,) = audit(tmp_path, str(copied), Asked(remeasure=True)).findings
    assert "give --data PATH" in finding.message


def test_a_release_judged_again_after_an_attack_was_undone_is_whole(
    made: Made, restorer: Restorer
) -> None:
    with restorer.undone():
        judge(made.project)
        assert lines(made.project) == []


def test_leftovers_of_a_killed_writer_are_no_forgery(release: Made) -> None:
    release.path("runs/{judge}/.outcome.json.0123abcd.new").write_text("{")
    release.path("runs/{judge}/.progress.json.tmp").write_text("{")
    release.path("runs/{judge}/gate.attempt-1").mkdir()
    assert lines(release.project) == []


def test_an_audit_writes_nothing(made: Made, restorer: Restorer) -> None:
    before = restorer._look()
    made.audit()
    assert restorer._look() == before


def test_no_run_at_all_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the path of a run's folder"):
        audit(tmp_path)
    with pytest.raises(InputError, match="no run of that name"):
        audit(tmp_path, "nothing")
    with pytest.raises(InputError, match=r"neither run\.json nor a manifest"):
        (tmp_path / "other").mkdir()
        audit(tmp_path, str(tmp_path / "other"))


@needs_ssh_keygen
def test_an_approval_counts_by_whom_the_auditor_trusts(
    made: Made, restorer: Restorer, tmp_path: Path
) -> None:
    ann, eve = make_person(tmp_path, "ann"), make_person(tmp_path, "eve")
    trust, other = (
        Trust(_signers(tmp_path / f"signers-{one.name}", one.line())) for one in (ann, eve)
    )
    with restorer.undone():
        judged = recording.find_judged(Run(made.project, made.judge))
        recording.sign(judged, "technical", ann.key, "seen")
        judge(made.project, trust=trust)
        assert lines(made.project, asked=Asked(trust=trust)) == []
        for stranger in (other, NOBODY):
            report = audit(made.project, asked=Asked(trust=stranger))
            assert any("item 24: FAIL follows" in finding.message for finding in report.findings)
            assert any("the gate counted approvals by" in note for note in report.notes)


def _signers(path: Path, line: str) -> Path:
    path.write_text(line)
    return path
