"""``configs/final_config.yaml`` comes only from a configuration that a passed gate vouches for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.config.final import build
from seatrial.config.load import load
from seatrial.errors import ConfigurationError, Refused

SOURCE = """\
model: {architecture: simple_cifar_net}
data: {source: digits}
training:
  epochs: 20
"""


def phase(project: Path, name: str, config: str, gate: object) -> None:
    for path, text in (
        (f"configs/{config}", SOURCE),
        (f"results/{name}/gate.json", json.dumps(gate)),
    ):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)


@pytest.mark.parametrize("decision", ["sufficient", "target_reached", "accepted_best"])
def test_a_passed_baseline_is_extended_with_the_reason_beside_each_change(
    tmp_path: Path, decision: str
) -> None:
    phase(tmp_path, "baseline", "training_config.yaml", {"passed": True, "decision": decision})
    made = build(tmp_path)
    config = load(made.path)
    assert made.vouched_by == "results/baseline/gate.json"
    assert (config.training.epochs, config.early_stopping.patience) == (100, 10)
    assert config.checkpointing.save_top_k == 3
    assert "test_confusion_matrix" in config.test_set.metrics
    assert "-  epochs: 20" in made.difference
    changed = [line for line in made.path.read_text().splitlines() if "epochs: 100" in line]
    assert changed == ["  epochs: 100  # the final training may take longer"]


def test_optimization_is_preferred_to_the_baseline(tmp_path: Path) -> None:
    passed = {"passed": True, "decision": "target_reached"}
    phase(tmp_path, "baseline", "training_config.yaml", passed)
    phase(tmp_path, "optimization", "optimization_config.yaml", passed)
    assert build(tmp_path).vouched_by == "results/optimization/gate.json"


@pytest.mark.parametrize(
    "gate",
    [
        {"passed": False, "decision": "sufficient"},
        {"passed": True, "decision": "insufficient"},
        {"passed": "true", "decision": "sufficient"},
        {"passed": True},
        [],
    ],
)
def test_without_a_passed_gate_it_refuses_and_says_what_to_run(
    tmp_path: Path, gate: object
) -> None:
    phase(tmp_path, "baseline", "training_config.yaml", gate)
    with pytest.raises(Refused, match="run the baseline phase first"):
        build(tmp_path)
    assert not (tmp_path / "configs/final_config.yaml").exists()


def test_longer_trainings_are_not_cut_to_a_hundred_epochs(tmp_path: Path) -> None:
    phase(tmp_path, "baseline", "training_config.yaml", {"passed": True, "decision": "sufficient"})
    path = tmp_path / "configs/training_config.yaml"
    path.write_text(SOURCE.replace("20", "300"))
    assert load(build(tmp_path).path).training.epochs == 300


def test_an_invalid_source_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    phase(tmp_path, "baseline", "training_config.yaml", {"passed": True, "decision": "sufficient"})
    (tmp_path / "configs/training_config.yaml").write_text(SOURCE + "nonsense: 1\n")
    with pytest.raises(ConfigurationError, match=r"training_config\.yaml: nonsense: unknown key"):
        build(tmp_path)
    assert not (tmp_path / "configs/final_config.yaml").exists()
