"""Long work: detached, followed, interrupted, and continued to the very same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from .conftest import CONFIG, make_images
from .test_release import seatrial, states

LONG = CONFIG.replace("epochs: 1", "epochs: 12")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_images(tmp_path)
    (tmp_path / "config.yaml").write_text(LONG)
    return tmp_path


def start(project: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "seatrial", *arguments],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "the process ended before the test could interrupt it"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def epochs_done(project: Path) -> int:
    events = list((project / "runs").glob("*-train-*/events.jsonl"))
    return events[0].read_text().count('"event": "epoch"') if events else 0


def weights(project: Path, folder: str) -> dict[str, torch.Tensor]:
    path = project / folder / "final_model_last.pt"
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model_state_dict"]
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_continues_to_the_same_weights(
    project: Path, number: signal.Signals
) -> None:
    process = start(project, "train", "--config", "config.yaml")
    wait_until(lambda: epochs_done(project) >= 2, process)
    process.send_signal(number)
    assert process.wait(60) == 130
    found = json.loads(seatrial(project, "status", "--json").stdout)
    assert (found["state"], found["exit_code"]) == ("interrupted", 130)
    assert 2 <= found["epoch"]["epoch"] < 12
    resumed = seatrial(project, "train", "--resume", found["run"], "--output-dir", "resumed")
    assert resumed.returncode == 0, resumed.stderr
    whole = seatrial(
        project,
        "train",
        "--config",
        "config.yaml",
        "--output-dir",
        "whole",
        "reproducibility.seed=0",
        "checkpointing.save_top_k=1",
    )
    assert whole.returncode == 0, whole.stderr
    expected, got = weights(project, "whole"), weights(project, "resumed")
    assert all(torch.equal(expected[key], got[key]) for key in expected)


def test_a_killed_training_is_seen_as_stopped_and_can_be_resumed(project: Path) -> None:
    process = start(project, "train", "--config", "config.yaml")
    wait_until(lambda: epochs_done(project) >= 2, process)
    process.kill()
    process.wait(60)
    found = json.loads(seatrial(project, "status", "--json").stdout)
    assert (found["state"], found["exit_code"]) == ("stopped", None)
    assert "killed" in found["message"]
    assert found["next"] == f"seatrial train --resume {found['run']}"
    assert seatrial(project, "status", "--wait").returncode == 130
    resumed = seatrial(project, "train", "--resume", found["run"])
    assert resumed.returncode == 0, resumed.stderr
    assert states(project, found["run"])["train"] == "finished"
    record = json.loads((project / "runs" / found["run"] / "train/record.json").read_text())
    assert record["resumed_at_epochs"]
    assert [epoch["epoch"] for epoch in record["epochs"]] == list(range(1, 13))


def test_a_run_cannot_be_resumed_while_it_goes_on(project: Path) -> None:
    process = start(
        project,
        "train",
        "--config",
        "config.yaml",
        "training.epochs=100000",
        "early_stopping.enabled=false",
    )
    try:
        wait_until(lambda: epochs_done(project) >= 1, process)
        found = json.loads(seatrial(project, "status", "--json").stdout)
        assert found["state"] == "running"
        second = seatrial(project, "train", "--resume", found["run"])
        assert second.returncode == 3
        assert "another process is at work" in second.stderr
    finally:
        process.kill()
        process.wait()


def test_a_detached_run_goes_on_by_itself_and_is_followed(project: Path) -> None:
    small = ("training.epochs=2", "export.formats=[onnx]", "export.quantization.enabled=false")
    done = seatrial(project, "finalize", "--config", "config.yaml", "--detach", "--json", *small)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run"]
    again = seatrial(project, "finalize", "--resume", run, "--detach")
    assert again.returncode == 3
    assert "another process is at work" in again.stderr
    waited = seatrial(project, "status", run, "--wait", "--timeout", "200", "--json")
    found = json.loads(waited.stdout)
    assert (found["state"], found["exit_code"], waited.returncode) == ("finished", 1, 1)
    assert (project / "final_report.md").exists()


def torchrun(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Two processes of one command."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        "-m", "seatrial", *arguments,
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=project, capture_output=True, text=True, timeout=300, check=False
    )


def test_torchrun_starts_the_train_command_in_two_processes(project: Path) -> None:
    done = torchrun(
        project, "train", "--config", "config.yaml", "--output-dir", "out", "training.epochs=2"
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    (record,) = (project / "runs").glob("*/train/record.json")
    assert json.loads(record.read_text())["processes"] == 2
    assert (project / "out/final_model_best.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("train", "--config", "gone.yaml"), "gone.yaml: required"),
        (("finalize", "--config", "config.yaml"), "torchrun is for seatrial train"),
    ],
)
def test_under_torchrun_no_process_outlives_a_refusal(
    project: Path, arguments: tuple[str, ...], expected: str
) -> None:
    done = torchrun(project, *arguments)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "forcefully" not in done.stderr
    assert not (project / "runs").exists()
