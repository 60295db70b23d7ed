"""The gate step: judges the 24 items and renders the verdicts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from seatrial import gates, reports
from seatrial.config import slices
from seatrial.evidence.reading import RECORD_TYPES, read_facts
from seatrial.evidence.records import Record
from seatrial.files import write_json, write_text
from seatrial.gates import approvals
from seatrial.steps.interface import Context, Step

CHECKLIST = "production_ready"


def _work(context: Context, output: Path) -> Record:
    facts = read_facts(context.run)
    judged_on = date.fromisoformat(facts.run.started[:10])
    signed = approvals.read_folder(context.project, facts.release_digest or "none")
    # Judged from the copy, so that the verdict follows from the run's folder and the signers file.
    approvals.keep(signed, output / approvals.FOLDER)
    record = gates.judge(
        CHECKLIST,
        facts,
        context.project,
        today=judged_on,
        approvals=output / approvals.FOLDER,
        trust=context.trust,
    )
    write_json(output / "gate.json", gates.to_json(record))
    for name, text in reports.render_verdict_documents(facts, record).items():
        write_text(output / name, text)
    return record


STEP = Step(
    name="gate",
    # It hashes every file of every step, whatever an item is about.
    reads=tuple(f"{step}/*" for step in RECORD_TYPES),
    settings=slices.whole,
    work=_work,
    copies=(approvals.FOLDER,),
    belongs_to_run=True,
)
