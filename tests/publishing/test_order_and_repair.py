"""Publishing is ordered, the loser is told, and what was cut short is completed."""

from __future__ import annotations

import errno
import fcntl
import json
import re
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from factories import RUN_ID, healthy_project
from seatrial import publishing
from seatrial.config.final import FINAL_CONFIG
from seatrial.errors import InputError
from seatrial.evidence.runs import Run
from seatrial.files import read_json, sha256_file
from seatrial.publishing.release import Unfinished

RESOLVED = "# as training resolved it\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    healthy_project(tmp_path)
    return Run(tmp_path, RUN_ID)


def another(run: Run, clock: str, suffix: str = "0000") -> Run:
    """A run with other documents that began at ``clock`` (HHMMSS) of the same day."""
    made = Run(run.project, f"20261120T{clock}Z-finalize-{suffix}")
    shutil.copytree(run.folder, made.folder)
    record = read_json(made.folder / "run.json")
    record["id"] = made.id
    record["started"] = f"2026-11-20T{clock[:2]}:{clock[2:4]}:{clock[4:]}Z"
    (made.folder / "run.json").write_text(json.dumps(record))
    (made.folder / "train/training.log").write_text(made.id)
    return made


def log(project: Path) -> str:
    return (project / publishing.RESULTS / "training.log").read_text()


# ------------------------------------------------------------ order


def test_a_run_does_not_replace_the_release_of_one_that_began_later(run: Run) -> None:
    later = another(run, "140001")
    publishing.publish(later)
    assert publishing.publish(run) == publishing.Publication(superseded_by=later.id)
    assert publishing.published_run(run.project) == later.id
    assert log(run.project) == later.id


@pytest.mark.parametrize("clock", ["140000", "140001"])
def test_a_run_replaces_the_release_of_one_that_did_not_begin_later(run: Run, clock: str) -> None:
    publishing.publish(run)
    other = another(run, clock)
    assert publishing.publish(other).superseded_by is None
    assert log(run.project) == other.id


def test_a_run_may_publish_itself_again(run: Run) -> None:
    publishing.publish(run)
    record = read_json(run.folder / "run.json")
    record["started"] = "2026-11-20T13:00:00Z"
    (run.folder / "run.json").write_text(json.dumps(record))
    assert publishing.publish(run).superseded_by is None


def test_a_release_of_an_older_version_is_dated_by_its_runs_name(run: Run) -> None:
    later = another(run, "140203")
    publishing.publish(later)
    path = run.project / publishing.RELEASE
    release = read_json(path)
    del release["started"], release["sources"]
    path.write_text(json.dumps(release))
    found = publishing.read_release(run.project)
    assert found is not None
    assert found.started == "2026-11-20T14:02:03Z"
    assert publishing.publish(run).superseded_by == later.id


@pytest.mark.parametrize("kind", [fcntl.LOCK_EX, fcntl.LOCK_SH], ids=["publishes", "reads"])
def test_who_publishes_waits_while_another_publishes_or_reads(run: Run, kind: int) -> None:
    release = run.project / publishing.RELEASE
    second = threading.Thread(target=publishing.publish, args=(run,))
    with (run.folder.parent / ".publish.lock").open("a") as stream:
        fcntl.flock(stream, kind)
        second.start()
        second.join(0.1)
        assert second.is_alive()
        assert not release.exists()
    second.join(60)
    assert release.exists()


def test_several_read_at_once(run: Run) -> None:
    publishing.publish(run)
    with publishing.turn(run.project, exclusive=False):
        found = publishing.read_release(run.project)
    assert found is not None
    assert found.run == run.id


# ------------------------------------------------------------ what is published


def test_the_release_says_what_it_is_of(run: Run) -> None:
    publishing.publish(run)
    release = publishing.read_release(run.project)
    assert release is not None
    record = run.record()
    assert (release.run, release.started) == (run.id, record.started)
    assert release.commit == record.git.commit is not None
    assert release.release_digest
    assert re.fullmatch("[0-9a-f]{64}", release.release_digest)
    assert release.files.keys() == release.sources.keys()
    for name, source in release.sources.items():
        assert sha256_file(run.project / source) == release.files[name]


def test_without_a_release_there_is_none(tmp_path: Path) -> None:
    assert publishing.read_release(tmp_path) is None
    assert publishing.published_run(tmp_path) is None
    assert publishing.cut_short(tmp_path) is None


def test_the_configuration_is_published_and_follows_the_release(run: Run) -> None:
    publishing.publish(run)
    path = run.project / FINAL_CONFIG
    assert path.read_text() == RESOLVED
    other = another(run, "140001")
    (other.folder / "train" / publishing.RESOLVED).write_text("# other\n")
    publishing.publish(other)
    assert path.read_text() == "# other\n"


def test_a_published_configuration_edited_since_is_a_persons(run: Run) -> None:
    publishing.publish(run)
    path = run.project / FINAL_CONFIG
    path.write_text("# mine\n")
    other = another(run, "140001")
    publishing.publish(other)
    assert path.read_text() == "# mine\n"
    release = publishing.read_release(run.project)
    assert release is not None
    assert FINAL_CONFIG not in release.files


def test_a_signature_of_another_statement_is_taken_away_and_one_of_this_stays(run: Run) -> None:
    statement = run.folder / "document" / "results/production/provenance.json"
    statement.parent.mkdir(parents=True, exist_ok=True)
    statement.write_bytes(b"{}\n")
    envelope = run.project / publishing.ENVELOPE
    envelope.parent.mkdir(parents=True, exist_ok=True)
    signature = {"keyid": "0" * 64, "sig": "A" * 86 + "=="}
    content = {
        "payload": "e30K",
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [signature],
    }
    envelope.write_text(json.dumps(content))
    publishing.publish(run)
    assert envelope.exists()
    statement.write_bytes(b"{ }\n")
    publishing.publish(run)
    assert not envelope.exists()


# ------------------------------------------------------------ what was cut short


def cut(run: Run, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish ``run`` in a process that is gone after ``after`` files were put in place."""
    real, renamed = Path.replace, []

    class Gone(BaseException):
        pass

    def replace(self: Path, target: Path) -> Path:
        if target.name != Path(publishing.UNFINISHED).name:
            renamed.append(target)
            if len(renamed) > after:
                raise Gone
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        patched.setattr("seatrial.files._put_back", lambda *_: None)
        patched.setattr(sys.modules["seatrial.publishing.publish"], "_forget", lambda *_: None)
        with pytest.raises(Gone):
            publishing.publish(run)


def test_a_publication_cut_short_is_known_and_completed_by_the_next(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.publish(run)
    other = another(run, "140001")
    for path in (other.folder / "document").rglob("*.md"):
        path.write_text(f"{other.id}\n")
    assert publishing.cut_short(run.project) is None
    cut(other, 2, monkeypatch)
    assert publishing.cut_short(run.project) == other.id
    release = publishing.read_release(run.project)
    assert release is not None
    assert release.run == run.id, "release.json comes last"
    assert any(sha256_file(run.project / n) != d for n, d in release.files.items())
    publishing.publish(other)
    assert publishing.cut_short(run.project) is None
    assert not (run.project / publishing.UNFINISHED).exists()
    release = publishing.read_release(run.project)
    assert release is not None
    assert release.run == other.id
    assert all(sha256_file(run.project / n) == d for n, d in release.files.items())
    hidden = [path for path in run.project.rglob(".*") if path.suffix in (".new", ".earlier")]
    assert hidden == []


def test_a_publication_under_way_is_not_one_cut_short(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.publish(run)
    cut(another(run, "140001"), 0, monkeypatch)
    with publishing.turn(run.project, exclusive=True):
        assert publishing.cut_short(run.project) is None
    assert publishing.cut_short(run.project) is not None


def test_what_a_publication_cut_short_had_put_there_alone_is_removed_by_the_next(
    run: Run,
) -> None:
    """A file that only the one cut short had, and neither the earlier nor the next release."""
    publishing.publish(run)
    other = another(run, "140001")
    path = run.project / "models/production_model_extra.onnx"
    path.write_text("extra")
    files = {"models/production_model_extra.onnx": sha256_file(path)}
    marker = Unfinished(run=other.id, files=files)
    (run.project / publishing.UNFINISHED).write_text(marker.model_dump_json())
    publishing.publish(run)
    assert not path.exists()
    assert not (run.project / publishing.UNFINISHED).exists()


def test_a_disk_that_refuses_leaves_the_marker_of_an_earlier_cut(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.publish(run)
    other = another(run, "140001")
    cut(other, 1, monkeypatch)
    before = read_json(run.project / publishing.UNFINISHED)
    real = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target.name == "release.json":
            raise OSError(errno.ENOSPC, "no space")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match="the disk is full"):
        publishing.publish(other)
    assert read_json(run.project / publishing.UNFINISHED) == before
    assert publishing.cut_short(run.project) == other.id


# ------------------------------------------------------------ damaged


def _without(name: str) -> Callable[[dict[str, object]], None]:
    def change(release: dict[str, object]) -> None:
        del release[name]

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_without("run"), "run: Field required"),
        (lambda r: r.update(files={"docs/a.md": 3}), "files.docs/a.md: Input should be a valid"),
    ],
)
def test_a_damaged_release_is_named_with_the_next_step(
    run: Run, change: Callable[[dict[str, object]], None], named: str
) -> None:
    publishing.publish(run)
    path = run.project / publishing.RELEASE
    release = read_json(path)
    change(release)
    path.write_text(json.dumps(release))
    with pytest.raises(InputError) as caught:
        publishing.read_release(run.project)
    message = str(caught.value)
    assert message.startswith(f"{path}: not what Seatrial wrote ({named}")
    assert message.endswith("; restore it, or remove it and publish again with seatrial gate")


def test_without_its_release_a_configuration_is_taken_for_a_persons(run: Run) -> None:
    """Nothing says any more who wrote it; all else is Seatrial's by its place."""
    publishing.publish(run)
    release = publishing.read_release(run.project)
    assert release is not None
    (run.project / publishing.RELEASE).unlink()
    assert publishing.publish(run).changed == ()
    found = publishing.read_release(run.project)
    assert found is not None
    assert release.files.keys() - found.files.keys() == {FINAL_CONFIG}


# ------------------------------------------------------------ paths


def test_what_seatrial_writes_is_said_for_git_to_leave_alone(run: Run) -> None:
    found = publishing.published_paths(run.config())
    folders = {name for name in found if name.endswith("/")}
    assert {"runs/", "models/", "results/", "checkpoints/production/"} <= folders
    publishing.publish(run)
    release = publishing.read_release(run.project)
    assert release is not None
    for name in release.files:
        assert name in found or any(name.startswith(folder) for folder in folders), name


@pytest.mark.parametrize("name", ["/etc/passwd", "../out", "docs/../../out", ""])
@pytest.mark.parametrize("where", ["files", "sources"])
def test_a_release_that_names_a_path_outside_is_refused(run: Run, where: str, name: str) -> None:
    """What it names may be removed."""
    publishing.publish(run)
    path = run.project / publishing.RELEASE
    release = read_json(path)
    release[where][name] = release[where].popitem()[1]
    path.write_text(json.dumps(release))
    with pytest.raises(InputError, match="a path inside the project required"):
        publishing.read_release(run.project)


def test_a_marker_that_nobody_holds_a_lock_for_is_one_cut_short(tmp_path: Path) -> None:
    marker = tmp_path / publishing.UNFINISHED
    marker.parent.mkdir(parents=True)
    marker.write_text(Unfinished(run="a-run", files={}).model_dump_json())
    assert publishing.cut_short(tmp_path) == "a-run"


def test_a_publication_that_ends_while_one_looks_is_not_one_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / publishing.UNFINISHED
    marker.parent.mkdir(parents=True)
    marker.write_text(Unfinished(run="a-run", files={}).model_dump_json())

    def ends(_: Path) -> bool:
        marker.unlink()
        return False

    module = sys.modules["seatrial.publishing.release"]
    monkeypatch.setattr(module, "_publisher_at_work", ends)
    assert publishing.cut_short(tmp_path) is None


def test_why_a_disk_refused_is_said_where_the_marker_cannot_go_either(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.publish(run)
    other = another(run, "140001")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    def refuse_marker(path: Path) -> None:
        raise InputError(f"{path}: cannot remove: permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    module = sys.modules["seatrial.publishing.publish"]
    monkeypatch.setattr(module, "remove_file", refuse_marker)
    with pytest.raises(InputError, match="the disk is full"):
        publishing.publish(other)


def test_a_file_that_no_manifest_lists_is_not_published(run: Run) -> None:
    (run.folder / "export" / "production_model_planted.onnx").write_bytes(b"planted")
    (run.folder / "train" / "checkpoints" / "planted.pt").write_bytes(b"planted")
    publishing.publish(run)
    assert not list(run.project.glob("models/*planted*"))
    assert not list(run.project.glob("checkpoints/**/*planted*"))
