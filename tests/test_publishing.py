"""A release appears whole at the stable paths, or the earlier one stands as it was."""

from __future__ import annotations

import errno
import fcntl
import shutil
import threading
from pathlib import Path
from typing import IO

import pytest

from factories import RUN_ID, healthy_project
from seatrial import publishing
from seatrial.config.final import FINAL_CONFIG
from seatrial.errors import InputError
from seatrial.evidence.runs import Run
from seatrial.files import read_json, sha256_file, tree_files


@pytest.fixture
def run(tmp_path: Path) -> Run:
    healthy_project(tmp_path)
    (tmp_path / "runs" / RUN_ID / "train" / publishing.RESOLVED).write_text("# resolved\n")
    return Run(tmp_path, RUN_ID)


def published(project: Path) -> dict[str, str]:
    return {
        name: sha256_file(path)
        for name, path in tree_files(project).items()
        if not name.startswith("runs/")
    }


def test_the_release_names_its_run_and_the_digest_of_every_file(run: Run) -> None:
    publishing.publish(run)
    release = read_json(run.project / publishing.RELEASE)
    assert release["run"] == RUN_ID
    assert release["files"]["models/production_model.onnx"]
    for name, digest in release["files"].items():
        assert sha256_file(run.project / name) == digest
    assert publishing.published_run(run.project) == RUN_ID


def test_publishing_again_writes_nothing(run: Run) -> None:
    assert publishing.publish(run).changed
    assert publishing.publish(run) == publishing.Publication()


def test_a_published_file_edited_by_hand_is_put_right(run: Run) -> None:
    publishing.publish(run)
    report = run.project / "docs/model_card.md"
    right = report.read_text()
    report.write_text("100 % production ready\n")
    assert publishing.publish(run).changed == ("docs/model_card.md",)
    assert report.read_text() == right


def test_a_file_that_the_new_release_lacks_is_removed(run: Run) -> None:
    publishing.publish(run)
    folder = run.folder / "export"
    for path in folder.glob("production_model_quantized*"):
        path.unlink()
    publishing.publish(run)
    assert not (run.project / "models/production_model_quantized.onnx").exists()
    assert (run.project / "models/production_model.onnx").exists()


def test_a_disk_that_refuses_one_file_leaves_the_earlier_release(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.publish(run)
    before = published(run.project)
    for path in (run.folder / "document").rglob("*.md"):
        path.write_text(path.read_text() + "\nnew\n")
    (run.folder / "train/training.log").write_text("new\n")
    real, calls = shutil.copyfileobj, []

    def full_disk(source: IO[bytes], target: IO[bytes], length: int = 0) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "no space left")
        real(source, target, length)

    monkeypatch.setattr(shutil, "copyfileobj", full_disk)
    with pytest.raises(InputError, match="disk is full"):
        publishing.publish(run)
    assert published(run.project) == before


def test_a_configuration_written_by_hand_is_not_overwritten(run: Run) -> None:
    path = run.project / FINAL_CONFIG
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# mine\n")
    publishing.publish(run)
    assert path.read_text() == "# mine\n"


def test_the_second_to_publish_waits_for_its_turn(run: Run) -> None:
    release = run.project / publishing.RELEASE
    second = threading.Thread(target=publishing.publish, args=(run,))
    with (run.folder.parent / ".publish.lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        second.start()
        second.join(0.1)
        assert second.is_alive()
        assert not release.exists()
    second.join(60)
    assert published(run.project)
    assert release.exists()
