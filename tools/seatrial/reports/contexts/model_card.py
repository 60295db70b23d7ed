"""Context of ``model_card.md``: the metadata that model hubs read, and the card itself."""

from __future__ import annotations

from typing import Any

import yaml

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import DataRecord, EvaluationRecord, TrainRecord
from seatrial.reports import formats as f
from seatrial.reports.contexts import export_tables, origin_tables, releases
from seatrial.reports.contexts.header import header
from seatrial.reports.contexts.test_results import PERCENTAGES, classes_table
from seatrial.reports.contexts.unproved import limits
from seatrial.reports.render import Table, one_line
from seatrial.reports.sentences import exports, results, training

_UNKNOWN_LICENCE = "unknown"
"""The word of model hubs for a licence that nobody stated."""
_HUB_METRICS = {
    "acc": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "auc": "roc_auc",
    "mcc": "matthews_correlation",
    "brier": "brier_score",
    "ece": "ece",
}
_HUB_NAMES = {
    "acc": "Accuracy",
    "f1": "Macro F1",
    "precision": "Macro precision",
    "recall": "Macro recall",
    "auc": "Macro AUC, one class against the rest",
    "mcc": "Matthews correlation coefficient",
    "brier": "Brier score",
    "ece": "Expected calibration error, 15 bins",
}
_DIGITS = 6


def context(facts: Facts) -> dict[str, object]:
    """Facts with data, training and evaluation → the template's values."""
    evaluation, data, train = facts.evaluate, facts.data, facts.train
    if evaluation is None or data is None or train is None:
        raise ValueError("a model card needs the steps data, train and evaluate")
    targets, documents = facts.config.targets, facts.config.documents
    return {
        "title": f"Model card: {model_name(facts)}",
        "metadata": _metadata(facts, evaluation, data, train),
        "header": header(facts),
        "details": _details(facts, train, data),
        "use": [
            f"Purpose: {f.stated(documents.purpose)}.",
            f"Decides between {f.plural(len(data.classes), 'class', 'classes')}:"
            f" {f.listing(data.classes, 20)}.",
            "Meant for images of the kind that it was trained and tested on; see Data.",
        ],
        "limits": limits(facts),
        "splits": origin_tables.splits_table(data),
        "data_facts": origin_tables.data_facts(data),
        "data_notes": training.data(data),
        "training": training.outcome(train, facts.run),
        "recipe": origin_tables.recipe(facts, train),
        "metrics": _metrics(evaluation),
        "classes": classes_table(evaluation, targets.min_class_f1),
        "evaluation": [
            *results.target(evaluation, targets),
            *results.gap(evaluation, targets.max_val_test_gap),
            *results.classes(evaluation.classes, targets.min_class_f1),
            *results.calibration(evaluation, targets.max_ece),
            *evaluation.warnings,
        ],
        "formats": export_tables.exports_table(facts),
        "format_notes": _format_notes(facts),
        "ethics": [
            f"Consent of the persons shown: {f.stated(data.card.consent)}.",
            f"Source of the data: {f.stated(data.card.source)}.",
            f"Licence of the data: {f.stated(data.card.licence)}.",
            "Accuracy by group of persons, place or device was not measured.",
        ],
        "contact": _contact(facts),
    }


def model_name(facts: Facts) -> str:
    """The declared name, or the architecture."""
    return facts.config.documents.name or facts.config.model.architecture


def _metadata(
    facts: Facts, evaluation: EvaluationRecord, data: DataRecord, train: TrainRecord
) -> str:
    metrics = [
        {"type": _HUB_METRICS[name], "name": _HUB_NAMES[name], "value": round(value.value, _DIGITS)}
        for name in _HUB_METRICS
        if (value := evaluation.test.get(name)) is not None and value.value is not None
    ]
    result = {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {
            "type": facts.config.data.dataset or facts.config.data.source,
            "name": data.source,
            "split": "test",
            "revision": data.digest,
        },
        "metrics": metrics,
    }
    primary = releases.primary_onnx(facts)
    block: dict[str, Any] = {
        "license": (facts.config.documents.licence or _UNKNOWN_LICENCE).lower(),
        "library_name": "onnx" if primary is not None else "pytorch",
        "pipeline_tag": "image-classification",
        "tags": [
            "image-classification",
            *(["onnx"] if primary is not None else []),
            train.architecture,
        ],
        "metrics": [metric["type"] for metric in metrics],
        "model-index": [{"name": model_name(facts), "results": [result] if metrics else []}],
    }
    if not metrics:
        del block["model-index"]
    return yaml.safe_dump(
        _single_lines(block), sort_keys=False, allow_unicode=True, width=2**20
    ).strip()


def _single_lines(value: Any) -> Any:
    """Every string on one line: a line of dashes in a name must not end the block."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, dict):
        return {key: _single_lines(item) for key, item in value.items()}
    return [_single_lines(item) for item in value] if isinstance(value, list) else value


def _details(facts: Facts, train: TrainRecord, data: DataRecord) -> Table:
    documents, spec = facts.config.documents, data.preprocessing
    return {
        "header": ["Property", "Value"],
        "align": "ll",
        "rows": [
            ["Name", f.stated(documents.name)],
            ["Version", f.stated(documents.version)],
            ["Architecture", train.architecture],
            ["Parameters", f.count(train.parameters)],
            [
                "Input",
                f"{spec.height} × {spec.width} pixels, {'grey' if spec.channels == 1 else 'RGB'}",
            ],
            ["Classes", f.count(len(data.classes))],
            ["Licence of the model", f.stated(documents.licence)],
            [
                "Checkpoint SHA-256",
                f.NOT_MEASURED if facts.evaluate is None else facts.evaluate.checkpoint_sha256,
            ],
        ],
    }


def _metrics(evaluation: EvaluationRecord) -> Table:
    rows = [
        [_HUB_NAMES[name], f.estimate(evaluation.test[name], name in PERCENTAGES)]
        for name in _HUB_NAMES
        if name in evaluation.test
    ]
    rows.insert(0, ["Test images", f.count(evaluation.n_test)])
    return {"header": ["Metric", "Test, 95 % interval"], "align": "ll", "rows": rows}


def _format_notes(facts: Facts) -> list[str]:
    lines = [] if facts.export is None else exports.artifacts(facts.export)
    lines += [] if facts.verify is None else exports.verification(facts.verify)
    lines += [] if facts.benchmark is None else exports.speed(facts.benchmark)
    return lines or ["Not measured: the export step has not finished in this run."]


def _contact(facts: Facts) -> Table:
    documents = facts.config.documents
    return {
        "header": ["What", "Where"],
        "align": "ll",
        "rows": [
            ["Contact", f.stated(documents.contact)],
            ["Documentation", f.stated(documents.documentation_url)],
            ["How to use it", "docs/deployment_guide.md"],
            ["How to watch it", "docs/monitoring_guide.md"],
        ],
    }
