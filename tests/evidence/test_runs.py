"""Runs: found by name, held by one process, reused by reference, events whole."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seatrial.config.load import check
from seatrial.config.schema import Config
from seatrial.errors import InputError
from seatrial.evidence import manifests, runs
from seatrial.files import write_text


@pytest.fixture
def config() -> Config:
    return check({"model": {"architecture": "resnet18"}, "data": {"source": "digits"}}, "test")


def whole_step(run: runs.Run, name: str) -> runs.StepPlace:
    folder = run.folder / name
    manifests.begin(folder)
    write_text(folder / "a.txt", "a")
    manifests.commit(
        folder,
        name,
        run=run.reference(),
        follows=run.manifests(),
        inputs={},
        started="start",
        finished="end",
    )
    return runs.StepPlace(folder, run.id)


def test_a_run_reads_back_its_configuration_and_record(tmp_path: Path, config: Config) -> None:
    run = runs.create(tmp_path, "finalize", config, config_path="c.yaml", overrides=("a=1",))
    assert run.config() == config
    record = run.record()
    assert (record.id, record.config_path, record.overrides) == (run.id, "c.yaml", ("a=1",))
    assert record.environment.packages["numpy"]


def test_runs_are_found_by_id_beginning_or_end_and_the_latest_by_none(
    tmp_path: Path, config: Config
) -> None:
    with pytest.raises(InputError, match="no run yet"):
        runs.find(tmp_path)
    made = [runs.create(tmp_path, "finalize", config, config_path=None) for _ in range(2)]
    latest = max(made, key=lambda run: run.id)
    assert runs.find(tmp_path) == latest
    assert runs.find(tmp_path, made[0].id) == made[0]
    assert runs.find(tmp_path, made[0].id[-4:]) == made[0]
    with pytest.raises(InputError, match="2 runs of that name"):
        runs.find(tmp_path, "2")
    with pytest.raises(InputError, match="no run of that name"):
        runs.find(tmp_path, "../..")


_HOLDER = """\
import sys
from pathlib import Path
from seatrial.evidence.runs import Run
with Run(Path(sys.argv[1]), sys.argv[2]).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_is_held_by_one_process_until_it_ends(tmp_path: Path, config: Config) -> None:
    run = runs.create(tmp_path, "finalize", config, config_path=None)
    assert not run.is_held()
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path), run.id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert run.is_held()
        with pytest.raises(InputError, match="another process is at work"), run.lock():
            pass
    finally:
        process.kill()
        process.communicate()
    assert not run.is_held()


def test_a_reused_step_is_found_where_it_was_made(tmp_path: Path, config: Config) -> None:
    first = runs.create(tmp_path, "finalize", config, config_path=None)
    second = runs.create(tmp_path, "gate", config, config_path=None)
    place = whole_step(first, "train")
    second.refer("train", place)
    assert second.step("train") == place
    assert not (second.folder / "train").exists()
    (place.folder / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="missing or changed"):
        second.step("train")


def test_a_reference_to_a_reference_names_the_original(tmp_path: Path, config: Config) -> None:
    made = [runs.create(tmp_path, "finalize", config, config_path=None) for _ in range(3)]
    place = whole_step(made[0], "train")
    made[1].refer("train", place)
    second_place = made[1].step("train")
    assert second_place is not None
    made[2].refer("train", second_place)
    assert made[2].step("train") == place


def test_a_last_event_cut_short_is_left_out(tmp_path: Path, config: Config) -> None:
    run = runs.create(tmp_path, "finalize", config, config_path=None)
    run.emit({"event": "step", "step": "data"})
    run.emit({"event": "epoch", "epoch": 1})
    with run.events.open("a") as stream:
        stream.write('{"event": "epo')
    assert [event["event"] for event in run.read_events()] == ["step", "epoch"]


def test_a_step_without_manifest_does_not_exist(tmp_path: Path, config: Config) -> None:
    run = runs.create(tmp_path, "finalize", config, config_path=None)
    manifests.begin(run.folder / "train")
    assert run.step("train") is None


def test_asking_whether_a_run_is_held_keeps_nobody_from_holding_it(
    tmp_path: Path, config: Config
) -> None:
    """The one who asks has the lock file for a moment; the run must be held all the same."""
    run = runs.create(tmp_path, "finalize", config, config_path=None)
    with run.lock():
        pass
    with (run.folder / "lock").open() as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        threading.Timer(0.01, fcntl.flock, (glance, fcntl.LOCK_UN)).start()
        with run.lock():
            assert run.is_held()
    assert not run.is_held()


def test_a_configuration_edited_after_the_run_began_is_refused(
    tmp_path: Path, config: Config
) -> None:
    run = runs.create(tmp_path, "finalize", config, config_path=None)
    path = run.folder / "config.yaml"
    path.write_text(path.read_text().replace("max_val_test_gap: 0.05", "max_val_test_gap: 0.5"))
    with pytest.raises(InputError, match="changed since the run began"):
        run.config()
