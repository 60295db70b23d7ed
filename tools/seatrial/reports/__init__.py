"""Facts to documents: Markdown that nobody writes by hand.

``render_documents`` and ``render_verdict_documents`` are pure: the same facts give the same bytes.
``sections`` says which documents there are, ``contexts`` turns facts into strings and rows,
``sentences`` chooses what is said of them, ``render`` fills the shipped templates and escapes every
value. ``code_blocks`` runs what a document tells a reader to run. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord
from seatrial.reports import sections
from seatrial.reports.approving import approval_lines, what_is_approved
from seatrial.reports.code_blocks import run_code_blocks
from seatrial.reports.contexts import (
    deployment_guide,
    final_report,
    model_card,
    monitoring_guide,
    production_ready,
    test_results,
)
from seatrial.reports.contexts.approvals import HELD
from seatrial.reports.contexts.requirements import render_requirements
from seatrial.reports.render import fill
from seatrial.reports.sections import DocumentSpec, check_sections
from seatrial.reports.summary import line_for, summary_lines

__all__ = [
    "HELD",
    "REQUIREMENTS_PATH",
    "approval_lines",
    "check_sections",
    "line_for",
    "render_documents",
    "render_requirements",
    "render_verdict_documents",
    "run_code_blocks",
    "summary_lines",
    "what_is_approved",
]

REQUIREMENTS_PATH = "results/production/requirements.txt"

_Context = Callable[[Facts], dict[str, object]]

_BEFORE_GATE: tuple[tuple[DocumentSpec, tuple[str, ...], _Context], ...] = (
    (sections.TEST_RESULTS, ("data", "train", "evaluate"), test_results.context),
    (sections.DEPLOYMENT_GUIDE, ("data", "evaluate", "export"), deployment_guide.context),
    (sections.MODEL_CARD, ("data", "train", "evaluate"), model_card.context),
    (sections.MONITORING_GUIDE, ("data", "evaluate"), monitoring_guide.context),
)


def render_documents(facts: Facts) -> dict[str, str]:
    """The documents that need no verdict, as text by published path.

    A document whose steps have not finished is left out: :func:`check_sections` then names all its
    sections as missing, and the gate's item on it fails.
    """
    documents = {
        spec.path: fill(spec.template, context(facts))
        for spec, needed, context in _BEFORE_GATE
        if all(getattr(facts, step) is not None for step in needed)
    }
    return {**documents, REQUIREMENTS_PATH: render_requirements(facts)}


def render_verdict_documents(facts: Facts, gate: GateRecord) -> dict[str, str]:
    """``production_ready.md`` and ``final_report.md`` as text by published path. Both render
    whatever has finished, and say what has not."""
    return {
        sections.PRODUCTION_READY.path: fill(
            sections.PRODUCTION_READY.template, production_ready.context(facts, gate)
        ),
        sections.FINAL_REPORT.path: fill(
            sections.FINAL_REPORT.template, final_report.context(facts, gate)
        ),
    }
