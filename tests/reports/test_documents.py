"""Claims about whole documents: complete, deterministic, honest about holes, right as tables."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from factories import CLASSES, healthy_facts
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord
from seatrial.reports import (
    REQUIREMENTS_PATH,
    check_sections,
    render_documents,
    render_verdict_documents,
)
from seatrial.reports.sections import AFTER_GATE, BEFORE_GATE, sections_of

from .test_render import HOSTILE, cells

Gate = Callable[..., GateRecord]
WAIVER = {"item": 8, "reason": "pilot only", "by": "Ann", "until": "2026-12-31"}
UNDEFINED = {"value": None, "interval": None, "reason": "class hull has no positives"}
SLOW = {"benchmark.formats.2.speedup": 0.93}
CASES: dict[str, dict[str, object]] = {
    "healthy": {},
    "no target": {"config.targets.test_acc": None},
    "target missed": {"config.targets.test_acc": 0.99},
    "trained elsewhere": {
        "train.trained_elsewhere": True,
        "train.stopped": "trained_elsewhere",
        "train.epochs": (),
        "train.best_value": None,
        "train.last_resumable": None,
        "train.images_per_second": None,
        "run.checkpoint": "given.pt",
    },
    "undefined AUC": {"evaluate.test.auc": UNDEFINED, "evaluate.classes.2.auc": UNDEFINED},
    "rejected int8": {
        "export.artifacts.2.status": "rejected",
        "export.artifacts.2.path": None,
        "export.artifacts.2.sha256": None,
        "export.artifacts.2.size_bytes": None,
        "export.artifacts.2.reason": "no setting within 0.5 points",
    },
    "slower int8": SLOW,
    "a format failed": {
        "export.artifacts.1.status": "failed",
        "export.artifacts.1.path": None,
        "export.artifacts.1.reason": "no fp16 kernel",
        "verify.formats.3.passed": False,
        "verify.formats.3.reason": "the process ended with signal 11",
        "verify.formats.3.accuracy": None,
        "verify.formats.3.accuracy_difference": None,
        "verify.formats.3.ece": None,
        "verify.formats.3.golden_agree": None,
        "verify.formats.3.max_logit_difference": None,
        "verify.formats.3.mcnemar_p": None,
        "benchmark.formats.3.error": "the process ended with signal 11",
        "benchmark.formats.3.latencies": (),
        "benchmark.formats.3.load_ms": None,
        "benchmark.formats.3.peak_memory_mb": None,
        "benchmark.formats.3.speedup": None,
    },
    "no mistakes": {
        "evaluate.mistakes": (),
        "evaluate.n_mistakes": 0,
        "evaluate.confusions": (),
        "evaluate.confusion": ((100, 0, 0), (0, 100, 0), (0, 0, 100)),
    },
    "nothing for monitoring": {
        "evaluate.confidence_quantiles": {},
        "evaluate.predicted_shares": (),
        "data.channel_mean": (),
        "data.channel_std": (),
        "data.image_mean_std": (),
        "config.data.mean": (0.5, 0.5, 0.5),
        "config.data.std": (0.5, 0.5, 0.5),
    },
    "no pictures, no benchmark": {"evaluate.plots": (), "train.plots": (), "benchmark": None},
    "not verified": {"verify": None},
    "nothing stated": {
        f"config.documents.{name}": None for name in ("name", "version", "purpose", "contact")
    },
    "no commit": {"run.git.commit": None, "run.git.reason": "no git repository"},
    "waived": {"config.waivers": (WAIVER,)},
    "no known issues file": {"known_issues": None},
}


def all_documents(facts: Facts, gate: GateRecord) -> dict[str, str]:
    return {**render_documents(facts), **render_verdict_documents(facts, gate)}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, gate: Gate) -> dict[str, str]:
    """Every document of one case."""
    return all_documents(healthy_facts(CASES[request.param]), gate())


def test_every_document_has_all_its_sections_in_every_case(case: dict[str, str]) -> None:
    assert [d.missing_sections for d in check_sections(case)] == [()] * len(BEFORE_GATE)
    for spec in AFTER_GATE:
        found = sections_of(case[spec.path])
        assert all(found.get(name) for name in spec.sections), spec.name


def test_nothing_undefined_is_shown_in_any_case(case: dict[str, str]) -> None:
    for path, text in case.items():
        prose = re.sub(r"```.*?```", "code", text, flags=re.DOTALL)
        assert not re.search(r"\bNone\b|\bnan\b|\binf\b|\{\{|\[\]|\(\)|\|  \|", prose), path
        assert "\n\n\n" not in prose, path
        assert not re.search(r"[ \t]\n", text), path


def test_every_table_is_one_that_github_renders(case: dict[str, str]) -> None:
    for path, text in case.items():
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if not line.startswith("|") or lines[number - 1].startswith("|"):
                continue
            assert lines[number - 1] == "", f"{path}: a table needs a blank line before it"
            rows = [cells(row) for row in lines[number:][: _run(lines[number:])]]
            assert all(re.fullmatch(r"-{3,}:?", cell) for cell in rows[1]), path
            assert {len(row) for row in rows} == {len(rows[0])}, path
            assert all(cell for row in rows for cell in row), f"{path}: empty cell in {rows}"


def _run(lines: list[str]) -> int:
    """How many lines from the first on belong to one table."""
    return next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))


def test_every_document_begins_with_run_and_release(case: dict[str, str]) -> None:
    facts = healthy_facts()
    for path, text in case.items():
        if path != REQUIREMENTS_PATH:
            head = text[: text.index("\n## ")]
            assert facts.run.id in head, path
            assert re.search(r"\| Release digest \| [0-9a-f]{64} \||steps up to measurement", head)


def test_rendering_twice_gives_the_same_bytes(gate: Gate) -> None:
    facts = healthy_facts()
    again = Facts.model_validate(json.loads(facts.model_dump_json()))
    assert all_documents(facts, gate()) == all_documents(again, gate())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("evaluate.test.mcc.value", 0.901),
        ("benchmark.formats.0.load_ms", 99.0),
        ("verify.formats.1.max_logit_difference", 0.77),
        ("evaluate.mistakes.3.confidence", 0.811),
    ],
)
def test_a_change_in_one_figure_changes_few_lines(gate: Gate, path: str, value: float) -> None:
    facts = healthy_facts()
    place, last = facts.model_dump(), path.split(".")[-1]
    for step in path.split(".")[:-1]:
        place = place[int(step) if step.isdigit() else step]
    assert place[last] != value
    other = healthy_facts({path: value}).model_copy(
        update={"release_digest": facts.release_digest, "steps": facts.steps}
    )
    before, after = all_documents(facts, gate()), all_documents(other, gate())
    changed = 0
    for name in before:
        delta = list(difflib.ndiff(before[name].splitlines(), after[name].splitlines()))
        assert sum(line.startswith("+ ") for line in delta) <= 3, name
        changed += any(line.startswith("+ ") for line in delta)
    assert changed


def test_a_document_whose_steps_have_not_finished_is_absent_and_named() -> None:
    documents = render_documents(healthy_facts({"export": None, "evaluate": None}))
    assert set(documents) == {REQUIREMENTS_PATH}
    assert all(d.missing_sections == d.sections for d in check_sections(documents))


def test_verdicts_render_with_no_step_at_all(gate: Gate) -> None:
    steps = ("data", "train", "evaluate", "export", "verify", "benchmark", "documents")
    facts = healthy_facts({**dict.fromkeys(steps)})
    report = render_verdict_documents(facts, gate())["final_report.md"]
    for step in ("data", "train", "evaluate", "export", "benchmark"):
        assert f"the {step} step has not finished in this run" in report
    assert "steps up to measurement are not all whole" in report


@pytest.mark.parametrize("spec", BEFORE_GATE, ids=lambda spec: spec.name)
def test_a_section_that_is_empty_or_gone_is_missing(spec: object) -> None:
    documents = render_documents(healthy_facts())
    name, path = spec.sections[2], spec.path  # type: ignore[attr-defined]
    body = sections_of(documents[path])[name]
    for broken in (
        documents[path].replace(f"## {name}\n", f"### {name}\n"),
        documents[path].replace(body, ""),
    ):
        found = {d.path: d for d in check_sections({**documents, path: broken})}
        assert found[path].missing_sections == (name,)


def test_a_heading_inside_code_is_no_section() -> None:
    assert set(sections_of("## a\n```sh\n## b\n```\n## c\nx\n")) == {"a", "c"}


def test_hostile_names_leave_every_document_in_shape(gate: Gate) -> None:
    for name in HOSTILE:
        facts = healthy_facts(
            {
                "evaluate.classes.0.name": name,
                "evaluate.mistakes.0.id": name,
                "evaluate.mistakes.0.true": name,
                "evaluate.confusions.0.true": name,
                "evaluate.gap.causes": (name,),
                "verify.formats.2.flips.0.id": name,
                "data.classes": (name, *CLASSES[1:]),
                "data.warnings": (name,),
                "data.unreadable.0.id": name,
                "data.card.source": name,
                "export.classes": (name, *CLASSES[1:]),
                "export.quantization_summary": name,
                "config.documents.purpose": name,
                "config.documents.name": name,
                "config.documents.contact": name,
                "run.git.dirty": (name,),
                "run.overrides": (name,),
            }
        )
        documents = all_documents(facts, gate(reason=name, remedy=name, title=name))
        assert all(not d.missing_sections for d in check_sections(documents)), name
        test_every_table_is_one_that_github_renders(documents)
        plain = all_documents(healthy_facts(), gate())
        for path, text in documents.items():
            assert _headings(text) == _headings(plain[path]), (path, name)
            markdown = text.split("\n---\n", 1)[-1]  # past the card's metadata, which is YAML
            assert "<script>" not in markdown.replace("\\<", ""), (path, name)
            assert "\u202e" not in text, (path, name)


def _headings(text: str) -> int:
    return len(re.findall(r"^#{1,6}(?: |$)", text, flags=re.MULTILINE))


def test_waivers_and_foreign_weights_stand_above_the_first_section_of_every_document(
    gate: Gate,
) -> None:
    facts = healthy_facts({**CASES["trained elsewhere"], "config.waivers": (WAIVER,)})
    for path, text in all_documents(facts, gate()).items():
        if path != REQUIREMENTS_PATH:
            head = text[: text.index("\n## ")]
            assert "Trained elsewhere: the weights were given as a checkpoint (given.pt)" in head
            assert "tem 8" in head, path


@pytest.mark.parametrize(
    ("waiver", "why"),
    [
        ({**WAIVER, "until": "2026-11-19"}, "it expired on 2026-11-19"),
        ({**WAIVER, "reason": " "}, "it gives no reason"),
        ({**WAIVER, "by": ""}, "it names nobody"),
        ({**WAIVER, "item": 24}, "approval cannot be waived"),
    ],
)
def test_a_waiver_that_counts_for_nothing_says_why(waiver: dict[str, object], why: str) -> None:
    text = render_documents(healthy_facts({"config.waivers": (waiver,)}))["docs/model_card.md"]
    assert f"is declared and counts for nothing: {why}." in text


def test_a_waiver_stands_in_the_verdicts_as_the_gate_took_it(gate: Gate) -> None:
    waiver = {**WAIVER, "item": 5}
    facts = healthy_facts({"config.waivers": (waiver, WAIVER)})
    record = gate(id=5, title="no leakage", waiver=waiver)
    text = render_verdict_documents(facts, record)["results/production/production_ready.md"]
    assert "Item 5 is waived, until 2026-12-31, by Ann: pilot only" in text
    assert "Item 8 passes: its waiver until 2026-12-31 is not needed." in text
    assert "Not passed, and waived: 5 no leakage (FAIL)." in text
    assert "Ready: 2 of 3 items pass." in text


def test_what_failed_comes_first_with_its_remedy(gate: Gate) -> None:
    text = render_verdict_documents(healthy_facts(), gate())[
        "results/production/production_ready.md"
    ]
    assert text.index("### 24 approval") < text.index("| 1 | training complete | PASS |")
    assert "| Remedy | seatrial approve --role technical |" in text
    assert f"| runs/r/evaluate/record.json | {'ab' * 32} | 1, 8 |" in text


def test_requirements_pin_what_the_run_had_and_nothing_else() -> None:
    packages = {"NumPy": "2.4.6", "scikit_learn": "1.8", "torch": "2.15.0+cpu", "requests": "2"}
    facts = healthy_facts({"run.environment.packages": packages})
    text = render_documents(facts)[REQUIREMENTS_PATH]
    pinned = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert pinned == ["numpy==2.4.6", "torch==2.15.0+cpu", "scikit-learn==1.8"]


def test_reports_import_no_torch_and_no_drawing() -> None:
    code = (
        "import sys, seatrial.reports as r; r.check_sections({});"
        "print([m for m in ('torch', 'matplotlib', 'sklearn', 'onnxruntime', 'scipy', 'click')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
