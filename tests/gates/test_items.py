"""Each of the 24 items can fail: a change that refutes its claim fails it, and it alone."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import factories
from factories import (
    CLASSES,
    FILE_OF_FORMAT,
    RUN_ID,
    TRAINED_ELSEWHERE,
    checkpoint_bytes,
    healthy_facts,
    step_files,
)
from seatrial import gates
from seatrial.evidence.records import GateRecord
from seatrial.files import sha256_bytes

RUN = f"runs/{RUN_ID}"
Changes = Mapping[str, Any]


def open_items(gate: GateRecord) -> dict[int, str]:
    """Verdicts other than PASS by item, the approval aside."""
    return {item.id: item.verdict for item in gate.items if item.verdict != "PASS" and item.id < 24}


def reason(gate: GateRecord, item: int) -> str:
    return gate.items[item - 1].reason


def test_a_healthy_project_passes_all_items_but_the_approval(judge: Any) -> None:
    gate = judge()
    assert open_items(gate) == {}
    assert gate.items[23].verdict == "FAIL"
    assert not gate.passed
    assert gate.decision == "not ready: 23 of 24 items pass, 1 failed (24)"


def _with(record: str, index: int, **values: object) -> dict[str, object]:
    return {f"{record}.{index}.{name}": value for name, value in values.items()}


PAIR = {
    "first": "train/a.png",
    "second": "test/b.png",
    "first_split": "train",
    "second_split": "test",
    "first_label": "anchor",
    "second_label": "anchor",
    "kind": "near",
    "distance": 1,
}
DIAGNOSIS = {"kind": "stalled", "critical": True, "epoch": 5, "message": "the loss stands still"}
CRITICAL = {"id": "night", "title": "fails at night", "severity": "critical", "status": "open"}
UNREADABLE = [{"id": f"train/{n}.png", "reason": "empty"} for n in range(40)]
WEAK = {"value": 0.41, "interval": (0.3, 0.5)}

FAILURES: list[tuple[int, str, Changes, str]] = [
    (1, "an epoch is missing", {"train.epochs.3.epoch": 9}, "not 1 to 12"),
    (1, "fewer epochs than said", {"train.stopped": "last_epoch"}, "with 12 of 100"),
    (1, "early stopping is off", {"config.early_stopping.enabled": False}, "not enabled"),
    (1, "the loss is undefined", {"train.epochs.4.metrics.val_loss": None}, "epoch 5: val_loss"),
    (1, "a NaN was noticed", {"train.diagnoses": [{**DIAGNOSIS, "kind": "not_a_number",
     "critical": False}]}, "not-a-number"),
    (2, "re-evaluation differs", {"evaluate.reevaluated_value": 0.9667}, "evaluated anew 0.9667"),
    (2, "another epoch is better", {"train.epochs.10.metrics.val_acc": 0.99}, "epoch 11 is better"),
    (2, "the checkpoint says otherwise", {"evaluate.recorded_value": 0.9,
     "evaluate.reevaluated_value": 0.9}, "its checkpoint 0.9"),
    (3, "it does not resume", {"train.last_resumable": False}, "not give the same state"),
    (3, "it is not the last epoch's", {"train.checkpoints.1.epoch": 9}, "epoch 9"),
    (4, "the loss did not fall", {"train.epochs.11.train_loss": 0.70}, "did not fall enough"),
    (4, "a diagnosis is open", {"train.diagnoses": [DIAGNOSIS]}, "stands still"),
    (5, "a near-duplicate leaks", {"data.leakage": [PAIR]}, "train/a.png ~ test/b.png"),
    (5, "more leaks than are listed", {"data.leakage_total": 7}, "7 pairs"),
    (5, "a group crosses", {"data.groups_crossing": ["ship 12"]}, "ship 12"),
    (5, "labels conflict across splits", {"data.conflicting_labels": [PAIR]}, "two labels"),
    (5, "one split is another", {"data.splits.1.digest": healthy_facts().data.splits[0].digest},
     "same images"),
    (6, "nobody describes it", {"data.card": {}}, "source, licence, consent are not stated"),
    (6, "too much is unreadable", {"data.unreadable": UNREADABLE}, "unreadable: 40 images"),
    (7, "another test set", {"evaluate.test_digest": "0" * 64}, "another set of images"),
    (7, "a metric is missing", {"evaluate.test": {k: v for k, v in
     healthy_facts().evaluate.test.items() if k != "mcc"}}, "test_mcc: not measured"),
    (7, "undefined without a reason", {"evaluate.test.auc": {"value": None}}, "no reason"),
    (7, "evaluation is switched off", {"config.test_set.enabled": False}, "must both be true"),
    (8, "below the target", {"config.targets.test_acc": 0.98}, "at least 98.0 % required"),
    (8, "no target", {"config.targets.test_acc": None}, "not declared"),
    (9, "a wide gap", {"config.targets.max_val_test_gap": 0.01, "evaluate.val.acc.value": 0.99,
     "evaluate.gap.value": 0.02, "evaluate.gap.causes": ["few images"]}, "likely: few images"),
    (9, "test is the better one", {"config.targets.max_val_test_gap": 0.01,
     "evaluate.val.acc.value": 0.95, "evaluate.gap.value": -0.02}, "-2.0 points"),
    (10, "a weak class", {"evaluate.classes.1.f1": WEAK}, "buoy has F1 0.410"),
    (10, "an undefined class", {"evaluate.classes.1.f1": {"value": None, "reason": "0/0"}}, "0/0"),
    (11, "mistakes are not listed", {"evaluate.mistakes": []}, "0 mistakes listed"),
    (11, "the matrix does not add up", {"evaluate.confusion.0.1": 3}, "counts 301"),
    (11, "a pair is miscounted", {"evaluate.confusions.0.count": 4}, "buoy as anchor"),
    (11, "pairs are not listed", {"evaluate.confusions": []}, "confused pairs"),
    (12, "badly calibrated", {"config.targets.max_ece": 0.01}, "at most 0.010 required"),
    (14, "a decision flips", {"verify.formats.0.flips_beyond_ties": 1}, "onnx: 1 decisions"),
    (14, "accuracy is lost", {"verify.formats.2.accuracy_difference": 0.02}, "loses 2.0 points"),
    (14, "a process crashed", {"verify.formats.1.passed": False,
     "verify.formats.1.reason": "the process ended with -11"}, "onnx_fp16: the process ended"),
    (14, "a part of the test set", {"verify.formats.0.n": 100}, "100 of 300"),
    (14, "a wider bound", {"verify.formats.0.accuracy_bound": 0.5}, "wider bound"),
    (14, "batch 32 was not tried", {"verify.formats.0.batch_differences": {"1": 0.0, "2": 0.0,
     "7": 0.0}}, "batches of 32"),
    (15, "a golden image differs", {"verify.formats.0.golden_agree": 7}, "1 of 8 images"),
    (15, "no golden image", {"verify.formats.0.golden_agree": None}, "onnx: no image was tried"),
    (16, "too slow", {"config.targets.max_latency_p95_ms": 0.1}, "latency p95"),
    (16, "too much memory", {"config.targets.max_memory_mb": 10.0}, "peak memory"),
    (16, "too large", {"config.targets.max_size_mb": 0.1}, "size of fp32 ONNX is 0.5 MB"),
    (16, "a format was not measured", {"benchmark.formats": healthy_facts().benchmark.formats[:4]},
     "torch_export: not measured"),
    (16, "a measurement failed", {"benchmark.formats.1.error": "out of memory"}, "out of memory"),
    (17, "a block fails", _with("documents.code_blocks", 0, exit_code=1, error="NameError: x"),
     "ended with 1: NameError: x"),
    (17, "a block was not run", {"documents.code_blocks":
     healthy_facts().documents.code_blocks[:1]}, "2 code blocks in the guide, 1 were run"),
    (17, "a section is missing", {"documents.documents.1.missing_sections": ["Support"]},
     "Support"),
    (18, "a section is missing", {"documents.documents.0.missing_sections": ["Per class"]},
     "Per class"),
    (18, "a section is not in the text", {"documents.documents.0.sections": ["Overall", "Margin"]},
     "sections missing: Margin"),
    (19, "a section is missing", {"documents.documents.2.missing_sections": ["Limits"]}, "Limits"),
    (20, "a section is missing", {"documents.documents.3.missing_sections": ["Thresholds"]},
     "Thresholds"),
    (21, "the tree was dirty", {"run.git.dirty": ["train.py"]}, "train.py"),
    (21, "no commit", {"run.git.commit": None, "run.git.reason": "no commit yet"}, "no commit yet"),
    (21, "another seed", {"train.seed": 8}, "trained with seed 8"),
    (21, "evaluation does not repeat", {"evaluate.repeat_identical": False}, "twice"),
    (22, "another version runs", {"run.environment.packages.numpy": "1.26.4"}, "numpy"),
    (23, "a critical issue", {"known_issues": [CRITICAL]}, "night fails at night"),
    (23, "no list of issues", {"known_issues": None}, "did not exist"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "changes", "words"),
    [pytest.param(i, c, w, id=f"{i}-{name}") for i, name, c, w in FAILURES],
)
def test_what_refutes_a_claim_fails_that_item_alone(
    judge: Any, item: int, changes: Changes, words: str
) -> None:
    gate = judge(changes)
    assert open_items(gate) == {item: "FAIL"}
    assert words in reason(gate, item)
    assert gate.items[item - 1].remedy


def test_every_item_is_shown_to_fail() -> None:
    elsewhere = {13, 24}  # 13 needs files that differ, 24 fails always: both below
    assert {item for item, *_ in FAILURES} | elsewhere == set(range(1, 25))


def test_a_data_set_without_a_digest_is_neither_identified_nor_repeatable(judge: Any) -> None:
    gate = judge({"data.digest": "unknown"})
    assert open_items(gate) == {6: "FAIL", 21: "FAIL"}


def test_a_part_of_the_split_is_not_the_test_set(judge: Any) -> None:
    gate = judge({"data.splits.2.total": 301})
    assert open_items(gate) == {5: "FAIL", 7: "FAIL"}
    assert "lists 300 images of test, not 301" in reason(gate, 5)
    assert "300 images evaluated, the test split has 301" in reason(gate, 7)


def test_an_export_from_other_weights_is_no_valid_format(judge: Any) -> None:
    digest = "0" * 64
    gate = judge({"evaluate.checkpoint_sha256": digest, "train.checkpoints.0.sha256": digest})
    assert open_items(gate)[13] == "FAIL"
    assert "other weights" in reason(gate, 13)


def test_no_exported_format_fails_what_rests_on_one(judge: Any) -> None:
    changes = {
        f"export.artifacts.{n}.{name}": value
        for n in range(len(FILE_OF_FORMAT))
        for name, value in (("status", "failed"), ("reason", "no kernel"), ("path", None))
    }
    gate = judge(changes)
    assert set(open_items(gate)) == {13, 14, 15, 16}
    assert "no kernel" in reason(gate, 13)


def test_a_format_that_was_not_verified_fails_verification_and_inference(judge: Any) -> None:
    gate = judge({"verify.formats": healthy_facts().verify.formats[:4]})
    assert open_items(gate) == {14: "FAIL", 15: "FAIL"}
    assert "torch_export: not verified" in reason(gate, 14)


def test_a_model_file_without_a_record_is_not_valid(judge: Any) -> None:
    gate = judge({"export.artifacts": healthy_facts().export.artifacts[:4]})
    assert open_items(gate) == {13: "FAIL"}
    assert "production_model.pt2" in reason(gate, 13)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data.preprocessing.mean": (0.0, 0.0, 0.0)}, "preprocessing"),
        ({"export.artifacts.0.sha256": "0" * 64}, "not the file that was recorded"),
    ],
)
def test_a_file_that_contradicts_the_facts_is_not_valid(
    judge: Any, change: Changes, words: str
) -> None:
    gate = judge(change)
    assert open_items(gate) == {13: "FAIL"}
    assert words in reason(gate, 13)


def test_approval_names_every_required_role_and_never_passes(judge: Any) -> None:
    item = judge().items[23]
    assert (item.verdict, item.reason) == (
        "FAIL",
        "no approval recorded; required: technical, product",
    )
    assert judge({"config.approvals.required": []}).items[23].verdict == "FAIL"


@pytest.mark.parametrize(
    ("steps", "items"),
    [
        ("data", {5, 6, 7, 10, 21}),
        ("train", {1, 2, 3, 4, 7, 21}),
        ("evaluate", {2, 7, 8, 9, 10, 11, 12, 13, 14, 21}),
        ("export", {13, 14, 15, 16, 21}),
        ("verify", {14, 15, 21}),
        ("benchmark", {16, 21}),
        ("documents", {17, 18, 19, 20, 22, 23}),
    ],
)
def test_a_step_that_has_not_run_is_never_a_pass(judge: Any, steps: str, items: set[int]) -> None:
    gate = judge({steps: None})
    found = open_items(gate)
    assert set(found) == items
    assert not gate.passed
    assert any("has not run" in reason(gate, item) for item in items)


def test_a_model_trained_elsewhere_skips_training_and_nothing_else(judge: Any) -> None:
    gate = judge(TRAINED_ELSEWHERE)
    assert open_items(gate) == dict.fromkeys((1, 2, 3, 4), "SKIPPED")
    assert all("trained elsewhere" in reason(gate, item) for item in (1, 2, 3, 4))
    assert "not known" in reason(gate, 5)
    assert not gate.passed


def test_a_model_trained_elsewhere_is_still_held_to_its_file(judge: Any) -> None:
    path = f"{RUN}/train/checkpoints/final_model_best.pt"
    gate = judge(
        TRAINED_ELSEWHERE, spoil=lambda p: (p / path).write_bytes(checkpoint_bytes("other"))
    )
    assert gate.items[1].verdict == "ERROR"


def test_undeclared_bounds_are_shown_and_the_measurement_still_counts(judge: Any) -> None:
    names = ("max_ece", "max_latency_p95_ms", "max_memory_mb", "max_size_mb")
    gate = judge({f"config.targets.{name}": None for name in names})
    assert open_items(gate) == {}
    assert gate.items[11].bound == "not declared (targets.max_ece)"
    assert gate.items[11].measured
    assert gate.items[15].bound == "not declared (targets)"
    unmeasured = judge(
        {"config.targets.max_ece": None, "evaluate.test.ece": {"value": None, "reason": "no"}}
    )
    assert open_items(unmeasured) == {12: "ERROR"}


def test_the_interval_is_set_against_the_target(judge: Any) -> None:
    assert "clears the bound" in reason(judge(), 8)
    assert "does not clear it" in reason(judge({"config.targets.test_acc": 0.96}), 8)
    unproved = judge({"config.targets.test_acc": 0.96, "evaluate.needed_n_test": 1200})
    assert "1200 test images would be needed" in reason(unproved, 8)


def test_a_value_on_its_bound_passes(judge: Any) -> None:
    gate = judge({"config.targets.test_acc": 0.97})
    assert open_items(gate) == {}


def test_values_that_round_alike_are_told_apart(judge: Any) -> None:
    gate = judge({"config.targets.test_acc": 0.97001})
    assert open_items(gate) == {8: "FAIL"}
    assert "97.000 %" in reason(gate, 8)
    assert "97.001 %" in reason(gate, 8)


@pytest.mark.parametrize(
    ("document", "item", "text", "words"),
    [
        ("results/production/test_results.md", 18, "TODO: say what is weak", "left to fill in"),
        ("results/production/test_results.md", 18, "{{ accuracy }}", "left to fill in"),
    ],
)
def test_a_document_with_something_left_to_fill_in_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, document: str, item: int, text: str, words: str
) -> None:
    gate = _judge_files(monkeypatch, tmp_path, {document: lambda old: old + text.encode()})
    assert open_items(gate) == {item: "FAIL"}
    assert words in reason(gate, item)


def _judge_files(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    edits: Mapping[str, Callable[[bytes], bytes]],
    step: str = "document",
    changes: Changes | None = None,
) -> GateRecord:
    """Judge a project in which a step wrote other bytes from the start, so digests are right."""
    files = {name: dict(content) for name, content in step_files().items()}
    for path, edit in edits.items():
        files[step][path] = edit(files[step].get(path, b""))
    monkeypatch.setattr(factories, "step_files", lambda: files)
    facts, project = factories.healthy_project(
        tmp_path, {"run.command": "seatrial finalize", **(changes or {})}
    )
    return gates.judge("production_ready", facts, project, today=datetime.date(2026, 11, 20))


def test_a_model_card_without_metadata_and_a_guide_without_figures_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate = _judge_files(
        monkeypatch,
        tmp_path,
        {
            "docs/model_card.md": lambda old: old.split(b"---\n", 2)[2],
            "docs/monitoring_guide.md": lambda old: old.replace(b"0.5 ms", b"low").replace(
                b"p95", b""
            ),
        },
    )
    assert open_items(gate) == {19: "FAIL", 20: "FAIL"}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda old: old + b"seatrial>=0.1\n", "no exact version: seatrial>=0.1"),
        (lambda old: old + b"-e .\n", "no exact version: -e ."),
        (lambda old: old.replace(b"torch==", b"torch-lite=="), "not listed: torch"),
        (lambda _: b"", "not listed: torch, onnxruntime"),
    ],
)
def test_loose_or_missing_requirements_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edit: Any, words: str
) -> None:
    path = "results/production/requirements.txt"
    gate = _judge_files(monkeypatch, tmp_path, {path: edit})
    assert open_items(gate) == {22: "FAIL"}
    assert words in reason(gate, 22)


def test_an_onnx_file_that_is_not_what_it_promises_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = b"not a model"
    gate = _judge_files(
        monkeypatch,
        tmp_path,
        {FILE_OF_FORMAT["onnx"]: lambda _: broken},
        step="export",
        changes={"export.artifacts.0.sha256": sha256_bytes(broken)},
    )
    assert open_items(gate) == {13: "FAIL", 23: "FAIL"}
    assert "not an ONNX model" in reason(gate, 13)


def test_a_class_without_test_images_is_named(judge: Any) -> None:
    gate = judge({"evaluate.classes.2.support": 0})
    assert gate.items[9].verdict == "FAIL"
    assert f"{CLASSES[2]} has no test image" in reason(gate, 10)
