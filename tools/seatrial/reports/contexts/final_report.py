"""Context of ``final_report.md``: the whole job on a few pages, with what it does not prove."""

from __future__ import annotations

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord
from seatrial.reports import formats as f
from seatrial.reports.contexts import export_tables, releases
from seatrial.reports.contexts.approvals import approval_notes, approvals_table
from seatrial.reports.contexts.header import header
from seatrial.reports.contexts.model_card import model_name
from seatrial.reports.contexts.origin_tables import data_facts, recipe, splits_table
from seatrial.reports.contexts.production_ready import decision
from seatrial.reports.contexts.test_results import metrics_table, repeat, target_table
from seatrial.reports.contexts.unproved import not_proved
from seatrial.reports.render import Table
from seatrial.reports.sections import BEFORE_GATE, PRODUCTION_READY
from seatrial.reports.sentences import exports, results, training

_LATER = "in results/production/release.json"
_EMPTY: Table = {"header": ["None"], "align": "l", "rows": []}


def context(facts: Facts, gate: GateRecord) -> dict[str, object]:
    """Facts and verdicts → the template's values. A step that has not finished is said so."""
    return {
        "title": f"Final report: {model_name(facts)}",
        "header": header(facts, gate),
        "summary": _summary(facts, gate),
        "summary_notes": decision(gate),
        "origin": [
            training.vouching(facts.run),
            training.repository(facts.run),
            f"Command: {facts.run.command}.",
            f"Overrides: {', '.join(facts.run.overrides) or 'none'}.",
            *_reused(facts),
        ],
        **_data(facts),
        **_training(facts),
        **_test(facts),
        **_exports(facts),
        "measurements": export_tables.measurements_table(facts),
        "measurement_notes": [
            *export_tables.measuring_conditions(facts),
            *([] if facts.benchmark is None else exports.speed(facts.benchmark)),
        ],
        "verdicts": _verdicts(gate),
        "approvals": approvals_table(gate),
        "approval_notes": approval_notes(gate),
        "not_proved": not_proved(facts),
        "files": _files(facts),
    }


def _missing(step: str) -> list[str]:
    return [f"Not measured: the {step} step has not finished in this run."]


def _summary(facts: Facts, gate: GateRecord) -> Table:
    rows = [
        ["What", f.stated(facts.config.documents.purpose)],
        *target_table(facts)["rows"],
        ["Decision", gate.decision],
    ]
    return {"header": ["Question", "Answer"], "align": "ll", "rows": rows}


def _reused(facts: Facts) -> list[str]:
    return [
        f"Step {name} was not done anew: it is that of run {step.reused_from}, manifest"
        f" {f.digest(step.manifest_sha256)}."
        for name, step in facts.steps.items()
        if step.reused_from is not None
    ]


def _data(facts: Facts) -> dict[str, object]:
    if facts.data is None:
        return {"data_facts": _EMPTY, "splits": _EMPTY, "data_notes": _missing("data")}
    return {
        "data_facts": data_facts(facts.data),
        "splits": splits_table(facts.data),
        "data_notes": training.data(facts.data),
    }


def _training(facts: Facts) -> dict[str, object]:
    if facts.train is None:
        return {"recipe": _EMPTY, "training_notes": _missing("train"), "curves": False}
    return {
        "recipe": recipe(facts, facts.train),
        "training_notes": training.outcome(facts.train, facts.run),
        "curves": "learning_curves.png" in {path.split("/")[-1] for path in facts.train.plots},
    }


def _test(facts: Facts) -> dict[str, object]:
    evaluation, targets = facts.evaluate, facts.config.targets
    if evaluation is None:
        return {"metrics": _EMPTY, "test_notes": _missing("evaluate")}
    again = [] if facts.train is None else repeat(evaluation, facts.train)
    return {
        "metrics": metrics_table(evaluation),
        "test_notes": [
            *results.target(evaluation, targets),
            *results.gap(evaluation, targets.max_val_test_gap),
            *results.classes(evaluation.classes, targets.min_class_f1),
            *results.calibration(evaluation, targets.max_ece),
            *results.mistakes(evaluation),
            *evaluation.warnings,
            *again,
        ],
    }


def _exports(facts: Facts) -> dict[str, object]:
    if facts.export is None:
        return {
            "exports": _EMPTY,
            "export_notes": _missing("export"),
            "flips": _EMPTY,
            "flips_note": [],
            "trials": _EMPTY,
            "skipped_note": [],
        }
    verified = _missing("verify") if facts.verify is None else exports.verification(facts.verify)
    return {
        "exports": export_tables.exports_table(facts),
        "export_notes": [*exports.artifacts(facts.export), *verified],
        "flips": export_tables.flips_table(facts),
        "flips_note": export_tables.flips_note(facts),
        "trials": export_tables.trials_table(facts),
        "skipped_note": export_tables.skipped_note(facts),
    }


def _verdicts(gate: GateRecord) -> Table:
    return {
        "header": ["Item", "Claim", "Verdict", "Reason", "Waiver"],
        "align": "rllll",
        "rows": [
            [
                str(i.id),
                i.title,
                i.verdict,
                i.reason or "none",
                "none" if i.waiver is None else f"until {i.waiver.until}",
            ]
            for i in gate.items
        ],
    }


def _files(facts: Facts) -> Table:
    rows = [
        [releases.published_path(a), f.NOT_MEASURED if a.sha256 is None else a.sha256]
        for a in releases.published(facts)
    ]
    checkpoints = () if facts.train is None else facts.train.checkpoints
    rows += [
        [f"{facts.config.checkpointing.output_dir}/{c.path.split('/')[-1]}", c.sha256]
        for c in checkpoints
        if c.role in ("best", "last")
    ]
    document = facts.steps.get("document")
    rendered = {} if document is None else {x.path: x.sha256 for x in document.manifest.files}
    rows += [[spec.path, rendered.get(spec.path, _LATER)] for spec in BEFORE_GATE]
    rows += [[path, _LATER] for path in (PRODUCTION_READY.path, "results/production/gate.json")]
    return {"header": ["File", "SHA-256"], "align": "ll", "rows": rows}
