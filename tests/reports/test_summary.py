"""Claims about what a terminal shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from factories import healthy_facts
from seatrial.evidence.records import GateRecord
from seatrial.reports import line_for, summary_lines

STEPS = ("data", "train", "evaluate", "export", "verify", "benchmark", "document")


@pytest.mark.parametrize(
    ("step", "holds"),
    [
        ("data", "2,000 images, 3 classes; 1 unreadable, no leakage"),
        ("train", "ended at epoch 12 of 100; best 9: val_acc 97.0 %"),
        ("evaluate", "test_acc 97.0 % [94.4, 98.4], n = 300; gap 0.0 points, p = 1.00"),
        ("export", "onnx 0.04 MB · fp16"),
        ("verify", "int8 1 of 300"),
        ("benchmark", "onnx 0.200 ms · int8 0.300 ms (0.67×)"),
        ("document", "2 code blocks run, all succeed"),
    ],
)
def test_a_step_is_one_line_with_its_figures_and_time(step: str, holds: str) -> None:
    facts = healthy_facts({"export.artifacts.0.size_bytes": 40_000})
    line = line_for(step, facts)
    assert holds in line
    assert "\n" not in line
    assert line.endswith(" s")


@pytest.mark.parametrize("step", STEPS)
def test_a_step_without_a_record_has_no_line(step: str) -> None:
    field = "documents" if step == "document" else step
    with pytest.raises(KeyError, match="no record"):
        line_for(step, healthy_facts({field: None}))


@pytest.mark.parametrize(
    ("changes", "step", "holds"),
    [
        ({"verify.formats.0.passed": False}, "verify", "onnx FAILED"),
        ({"export.artifacts.2.status": "rejected"}, "export", "int8 rejected"),
        ({"documents.code_blocks.0.exit_code": 1}, "document", "1 failed"),
        ({"documents.documents.0.missing_sections": ("a",)}, "document", "1 incomplete"),
        ({"train.trained_elsewhere": True, "run.checkpoint": "w.pt"}, "train", "elsewhere: w.pt"),
        ({"data.leakage_total": 7}, "data", "7 leaking pairs"),
    ],
)
def test_what_is_wrong_shows_in_the_line(changes: dict[str, object], step: str, holds: str) -> None:
    assert holds in line_for(step, healthy_facts(changes))


def test_the_summary_ends_with_target_achieved_margin_decision(
    gate: Callable[..., GateRecord],
) -> None:
    lines = summary_lines(healthy_facts(), gate())
    assert lines[0].split() == ["gate", "2", "of", "3", "items", "pass"]
    assert [line.split()[0] for line in lines[-6:-2]] == [
        "target", "achieved", "margin", "decision",
    ]  # fmt: skip
    assert "+7.0 points" in lines[-4]
    assert lines[-7] == f"release    {healthy_facts().release_digest}"
    assert lines[-1] == "Not ready. results/production/production_ready.md"
    failing = next(i for i, line in enumerate(lines) if "FAIL" in line)
    assert "24 approval" in lines[failing] and "no approval recorded" in lines[failing]
    assert lines[failing + 1].split(": ", 1) == [
        lines[failing + 1].split(":")[0],
        "seatrial approve --role technical",
    ]


def test_a_waived_item_is_shown_as_waived(gate: Callable[..., GateRecord]) -> None:
    waiver = {"item": 5, "reason": "pilot", "by": "Ann", "until": "2026-12-31"}
    lines = summary_lines(healthy_facts(), gate(id=5, waiver=waiver))
    assert any("FAIL" in line and line.endswith("(waived)") for line in lines)
    assert lines[-1].startswith("Ready.")
