"""Runs: found by name, held by one process, reused by reference, events whole."""

from __future__ import annotations

import multiprocessing
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
    manifests.commit(folder, name, {}, "start", "end")
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


def _hold(project: Path, name: str, ready: object, end: object) -> None:
    with runs.Run(project, name).lock():
        ready.set()  # type: ignore[attr-defined]
        end.wait(30)  # type: ignore[attr-defined]


def test_a_run_is_held_by_one_process_until_it_ends(tmp_path: Path, config: Config) -> None:
    run = runs.create(tmp_path, "finalize", config, config_path=None)
    assert not run.is_held()
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, run.id, ready, end))
    process.start()
    try:
        assert ready.wait(30)
        assert run.is_held()
        with pytest.raises(InputError, match="another process is at work"), run.lock():
            pass
    finally:
        process.kill()
        process.join()
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
