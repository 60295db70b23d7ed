"""Whoever edits a record, and its manifest with it, is contradicted by what it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factories import changed, healthy_project, predictions, step_files
from seatrial import gates
from seatrial.evidence.records import GateRecord
from seatrial.gates.checks.recount import _count

PREDICTIONS = "evaluate/predictions.npz"
DIAGONAL = ((100, 0, 0), (0, 100, 0), (0, 0, 100))
PERFECT = {
    "evaluate.confusion": DIAGONAL,
    "evaluate.n_mistakes": 0,
    "evaluate.mistakes": (),
    "evaluate.confusions": (),
    "evaluate.test.acc.value": 1.0,
    "evaluate.gap.value": -0.03,
}


def verdicts(gate: GateRecord) -> dict[int, str]:
    return {item.id: item.verdict for item in gate.items if item.verdict != "PASS" and item.id < 24}


def test_an_evaluation_made_perfect_is_contradicted_by_its_predictions(judge: Any) -> None:
    gate = judge(PERFECT)
    assert verdicts(gate) == {8: "ERROR", 9: "ERROR", 11: "FAIL"}
    assert "recorded as 1, predictions.npz gives 0.97" in gate.items[7].reason


@pytest.mark.parametrize(
    ("item", "changes"),
    [
        (9, {"evaluate.val.acc.value": 0.98, "evaluate.gap.value": 0.01}),
        (10, {"evaluate.classes.1.f1.value": 0.999}),
        (12, {"evaluate.test.ece.value": 0.0, "evaluate.bins.10.accuracy": 0.7,
              "evaluate.bins.13.accuracy": 0.9, "evaluate.bins.14.accuracy": 0.9754}),
    ],
)  # fmt: skip
def test_a_figure_that_the_predictions_do_not_give_is_not_checked(
    judge: Any, item: int, changes: dict[str, object]
) -> None:
    gate = judge(changes)
    assert verdicts(gate) == {item: "ERROR"}
    assert "predictions.npz gives" in gate.items[item - 1].reason


@pytest.mark.parametrize(
    "content", [b"", b"no archive", predictions()[:300]], ids=["empty", "text", "cut"]
)
def test_predictions_that_cannot_be_read_prove_nothing(judge: Any, content: bytes) -> None:
    gate = judge(replaced={PREDICTIONS: content})
    assert {7, 8, 9, 10, 11, 12} <= {
        i for i, verdict in verdicts(gate).items() if verdict != "PASS"
    }
    assert "predictions.npz cannot be read" in gate.items[7].reason


def test_predictions_of_other_images_are_not_the_test_set(judge: Any) -> None:
    splits = json.loads(step_files()["data"]["splits.json"])
    for image in splits["images"]:
        image["id"] = image["id"].replace("test/hull", "test/keel")
    gate = judge(replaced={"data/splits.json": json.dumps(splits).encode()})
    assert verdicts(gate) == {7: "FAIL"}
    assert "not those of the test split" in gate.items[6].reason


def test_an_image_in_two_splits_is_found_though_the_record_lists_none(judge: Any) -> None:
    splits = json.loads(step_files()["data"]["splits.json"])
    splits["images"][-1]["sha256"] = splits["images"][0]["sha256"]
    gate = judge(replaced={"data/splits.json": json.dumps(splits).encode()})
    assert verdicts(gate) == {5: "FAIL"}
    assert "splits.json has 1 image in both test and train" in gate.items[4].reason


def test_a_step_that_read_another_file_breaks_the_chain(tmp_path: Path, today: Any) -> None:
    facts, project = healthy_project(tmp_path)
    inputs = dict(facts.steps["verify"].manifest.inputs)
    digests = {f.path: f.sha256 for f in facts.steps["evaluate"].manifest.files}
    for digest, verdict in ((digests["predictions.npz"], "PASS"), ("0" * 64, "FAIL")):
        read = {**inputs, PREDICTIONS: digest}
        gate = gates.judge(
            "production_ready",
            changed(facts, "steps.verify.manifest.inputs", read),
            project,
            today=today,
        )
        assert gate.items[20].verdict == verdict
    assert f"verify read another {PREDICTIONS}" in gate.items[20].reason


def test_counting_agrees_with_the_metrics(tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    from seatrial import metrics

    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (500, 7)).astype(np.float32)
    labels = rng.integers(0, 7, 500)
    path = tmp_path / "predictions.npz"
    np.savez(path, test_ids=np.arange(500).astype(str), test_labels=labels, test_logits=logits,
             val_labels=labels[:50], val_logits=logits[:50])  # fmt: skip
    counted = _count(path, "any")
    expected = metrics.compute(["acc", "f1", "ece"], logits, labels, 7)
    assert counted.test_acc == pytest.approx(expected["acc"])
    assert counted.ece == pytest.approx(expected["ece"])
    assert np.mean([counted.f1(k) for k in range(7)]) == pytest.approx(expected["f1"])
