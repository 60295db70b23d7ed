"""Which documents there are, and which sections each must have; whether a text has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.evidence.records import Document


@dataclass(frozen=True)
class DocumentSpec:
    """A document: its published path, its template, and the headings it must have."""

    name: str
    path: str
    template: str
    sections: tuple[str, ...]


TEST_RESULTS = DocumentSpec(
    "test results",
    "results/production/test_results.md",
    "test_results.md.j2",
    (
        "Target and margin",
        "Overall metrics",
        "Validation against test",
        "Per class",
        "Confusion matrix",
        "Calibration",
        "Failure analysis",
        "Reproducibility",
    ),
)
DEPLOYMENT_GUIDE = DocumentSpec(
    "deployment guide",
    "docs/deployment_guide.md",
    "deployment_guide.md.j2",
    (
        "Overview",
        "Files",
        "Input",
        "Output",
        "Preprocessing",
        "Postprocessing",
        "Inference with ONNX Runtime",
        "Inference with PyTorch",
        "Measured performance",
        "Monitoring",
        "Environments",
        "Configuration",
        "Scaling",
        "Smoke test",
        "Load test",
        "Troubleshooting",
        "Support",
    ),
)
MODEL_CARD = DocumentSpec(
    "model card",
    "docs/model_card.md",
    "model_card.md.j2",
    (
        "Model details",
        "Intended use",
        "Limits",
        "Data",
        "Training",
        "Evaluation",
        "Deployment formats",
        "Ethical considerations",
        "Contact",
    ),
)
MONITORING_GUIDE = DocumentSpec(
    "monitoring guide",
    "docs/monitoring_guide.md",
    "monitoring_guide.md.j2",
    (
        "What to record",
        "Latency and memory",
        "Confidence",
        "Input statistics",
        "Class mix",
        "Accuracy",
        "What to do on an alarm",
    ),
)
PRODUCTION_READY = DocumentSpec(
    "production readiness",
    "results/production/production_ready.md",
    "production_ready.md.j2",
    ("Decision", "Waivers", "Approvals", "Not passed", "All items", "Evidence"),
)
FINAL_REPORT = DocumentSpec(
    "final report",
    "final_report.md",
    "final_report.md.j2",
    (
        "Summary",
        "Where it comes from",
        "Data",
        "Training",
        "Test",
        "Exports",
        "Measurement",
        "Verdicts",
        "Approvals",
        "What is not proved",
        "Files",
    ),
)

BEFORE_GATE = (TEST_RESULTS, DEPLOYMENT_GUIDE, MODEL_CARD, MONITORING_GUIDE)
AFTER_GATE = (PRODUCTION_READY, FINAL_REPORT)

_HEADING = re.compile(r"^## (.+?)\s*$")
_FENCE = re.compile(r"^(`{3,}|~{3,})")


def sections_of(text: str) -> dict[str, str]:
    """Second-level headings and the text below each; headings inside code do not count."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    fence = None
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (fence is None or line.strip() == fence):
            fence = None if fence else mark[1]
        heading = None if fence or mark else _HEADING.match(line)
        if heading:
            lines = found.setdefault(heading[1], [])
        elif lines is not None:
            lines.append(line)
    return {name: "\n".join(body).strip() for name, body in found.items()}


def check_sections(documents: Mapping[str, str]) -> tuple[Document, ...]:
    """Every document that a run renders before its gate, and the sections it lacks.

    :param documents: text by published path. A document that is not there lacks every section;
        a heading with nothing below it counts as missing.
    """
    return tuple(_check(spec, documents.get(spec.path, "")) for spec in BEFORE_GATE)


def _check(spec: DocumentSpec, text: str) -> Document:
    found = sections_of(text)
    missing = tuple(name for name in spec.sections if not found.get(name))
    return Document(
        name=spec.name, path=spec.path, sections=spec.sections, missing_sections=missing
    )
