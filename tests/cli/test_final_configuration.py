"""Without ``--config``: what was chosen is shown, also where stdout is for JSON alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.cli import running

from .conftest import CONFIG, Seatrial


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that a command left to a detached process; here they are not begun in one."""
    runs: list[str] = []
    monkeypatch.setattr(running, "detach", lambda run, _: runs.append(run.id))
    return runs


def test_the_difference_is_shown_beside_the_json(
    project: Path, images: Path, seatrial: Seatrial, begun: list[str]
) -> None:
    (project / "configs").mkdir()
    (project / "configs/training_config.yaml").write_text(CONFIG)
    (project / "results/baseline").mkdir(parents=True)
    gate = {"passed": True, "decision": "sufficient"}
    (project / "results/baseline/gate.json").write_text(json.dumps(gate))
    result = seatrial("finalize", "--detach", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out) == {"run": begun[0]}
    assert "configs/final_config.yaml made" in result.err
    assert "+  epochs: 100  # the final training may take longer" in result.err


def test_without_a_passed_gate_nothing_begins(
    project: Path, images: Path, seatrial: Seatrial, begun: list[str]
) -> None:
    result = seatrial("finalize", "--detach", "--json")
    assert result.code == 1
    assert "--config" in result.complaint
    assert not begun
    assert not (project / "runs").exists()
