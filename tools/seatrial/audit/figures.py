"""The figures in the records against the files they were taken from, as far as no model is needed.

Checks of a gate hold some figures against the predictions; here every figure is computed again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seatrial import evaluation, metrics, reports
from seatrial.audit.chain import read_origin
from seatrial.audit.findings import Finding, Findings
from seatrial.audit.steps import StepFound, Steps
from seatrial.audit.subject import Subject
from seatrial.audit.tree import read_plain
from seatrial.config.metric_names import base_name
from seatrial.config.schema import Config
from seatrial.evaluation import StoredPredictions
from seatrial.evidence.facts import Facts
from seatrial.evidence.manifests import MANIFEST, RECORD
from seatrial.evidence.records import DataRecord, EvaluationRecord, TrainRecord
from seatrial.files import digest_of, pretty_json

PREDICTIONS, SPLITS, METRICS = "predictions.npz", "splits.json", "metrics.json"
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12
"""Another processor may round the last bits of a logarithm otherwise."""
MEASURED_ONLY = ("repeat_identical", "ledger_count", "plots", "seconds", "weights_sha256")
"""What a record says of the evaluation itself: no file that is kept gives it."""


def check_figures(subject: Subject, facts: Facts, steps: Steps) -> Findings:
    """Every figure that does not follow from the files of its own step and the earlier ones."""
    checks: tuple[Callable[[Facts, Steps], Findings], ...] = (
        _check_data, _check_training, _check_evaluation, _check_exports, _check_sections,
    )  # fmt: skip
    for check in checks:
        try:
            yield from check(facts, steps)
        except Exception as error:  # forged files may break any reader; the other checks go on
            what = check.__name__.removeprefix("_check_")
            message = f"figures of {what}: {type(error).__name__}: {error}"
            yield Finding(f"runs/{subject.run.id}", "not checked", message)


def _check_data(facts: Facts, steps: Steps) -> Findings:
    step, record = steps.found.get("data"), facts.data
    if step is None or record is None:
        return
    images = _images(step)
    rows = [[i["id"], i["sha256"], i["label"], i["split"]] for i in images]
    expected: dict[str, object] = {"digest": digest_of(sorted(rows))}
    counts = []
    for split in record.splits:
        own = [i for i in images if i["split"] == split.split]
        labels = [i["label"] for i in own]
        counts.append(
            {
                "split": split.split,
                "total": len(own),
                "per_class": [labels.count(name) for name in record.classes],
                "digest": digest_of(sorted([i["sha256"], i["label"]] for i in own)),
            }
        )
    expected["splits"] = counts
    found = record.model_dump(mode="json")
    yield from _unlike(step, RECORD, expected, {key: found[key] for key in expected})
    kept = json.loads(read_plain(step.folder / "preprocessing.json") or b"")
    yield from _unlike(step, "preprocessing.json", found["preprocessing"], kept)
    read = step.manifest.inputs.get("dataset") if step.manifest else None
    if read != record.digest:
        message = f"it read the data set {read}, its record is of {record.digest}"
        yield Finding(f"{step.shown}/{MANIFEST}", "record", message)


def _check_training(facts: Facts, steps: Steps) -> Findings:
    step, record = steps.found.get("train"), facts.train
    if step is None or record is None or step.manifest is None:
        return
    listed = {file.path: file.sha256 for file in step.manifest.files}
    for checkpoint in record.checkpoints:
        if listed.get(checkpoint.path) != checkpoint.sha256:
            message = f"{checkpoint.path}: {checkpoint.sha256} recorded, not that of the file"
            yield Finding(f"{step.shown}/{RECORD}", "record", message)
    content = read_plain(step.folder / METRICS)
    if content is None:
        return
    found, dumped = json.loads(content), record.model_dump(mode="json")
    yield from _unlike(step, METRICS, {key: dumped.get(key) for key in found}, found)


def _check_evaluation(facts: Facts, steps: Steps) -> Findings:
    step, record = steps.found.get("evaluate"), facts.evaluate
    if step is None or record is None or facts.data is None or facts.train is None:
        return
    stored = evaluation.read_predictions(step.folder / PREDICTIONS)
    data = steps.found.get("data")
    if data is not None:
        yield from _check_images(step, stored, data, facts.data.classes)
    config = read_origin(step.folder.parent).config or facts.config
    again = evaluate_again(stored, config, facts.data, facts.train, record)
    leave = (*MEASURED_ONLY, *_criterion_only(facts.train))
    yield from _unlike(step, RECORD, _compared(again, leave), _compared(record, leave))
    content = json.loads(read_plain(step.folder / METRICS) or b"")
    published = evaluation.metrics_json(record, config.test_set.metrics)
    yield from _unlike(step, METRICS, published, content)
    best = {c.sha256 for c in facts.train.checkpoints if c.role in ("best", "given")}
    if record.checkpoint_sha256 not in best:
        message = f"checkpoint_sha256: {record.checkpoint_sha256}, which no training recorded"
        yield Finding(f"{step.shown}/{RECORD}", "record", message)
    test = {split.split: split.digest for split in facts.data.splits}.get("test")
    if record.test_digest != test:
        message = f"test_digest: {test} in the data step's record, {record.test_digest} found"
        yield Finding(f"{step.shown}/{RECORD}", "record", message)


def evaluate_again(
    stored: StoredPredictions,
    config: Config,
    data: DataRecord,
    trained: TrainRecord,
    record: EvaluationRecord,
) -> EvaluationRecord:
    """The record that the kept predictions give, with the criterion's losses as recorded."""
    num_classes = len(data.classes)
    monitor = base_name(trained.monitor)
    value = record.reevaluated_value
    if monitor != "loss":
        value = metrics.compute([monitor], stored.val_logits, stored.val_labels, num_classes)[
            monitor
        ]
    return evaluation.evaluate(
        test_logits=stored.test_logits,
        test_labels=stored.test_labels,
        test_ids=stored.test_ids,
        val_logits=stored.val_logits,
        val_labels=stored.val_labels,
        classes=data.classes,
        target_acc=config.targets.test_acc,
        max_gap=config.targets.max_val_test_gap,
        seed=config.reproducibility.seed,
        checkpoint_sha256=record.checkpoint_sha256,
        test_digest=record.test_digest,
        recorded_value=trained.best_value,
        reevaluated_value=value,
        repeat_identical=record.repeat_identical,
        ledger_count=record.ledger_count,
        test_loss=_loss(record.test),
        val_loss=_loss(record.val),
        leaked_pairs=max(len(data.leakage), data.leakage_total),
        train_acc=next(
            (e.train_acc for e in trained.epochs if e.epoch == trained.best_epoch), None
        ),
    )


def _loss(split: Mapping[str, Any]) -> float | None:
    """The criterion's mean where it is not plain cross entropy: only training code gives it."""
    loss = split.get("loss")
    return loss.value if loss is not None and loss.interval is None else None


def _criterion_only(trained: TrainRecord) -> tuple[str, ...]:
    return ("reevaluated_value",) if base_name(trained.monitor) == "loss" else ()


def _compared(record: EvaluationRecord, leave: tuple[str, ...]) -> dict[str, object]:
    dumped = record.model_dump(mode="json")
    return {key: value for key, value in dumped.items() if key not in leave}


def _check_images(
    step: StepFound, stored: StoredPredictions, data: StepFound, classes: tuple[str, ...]
) -> Findings:
    images = _images(data)
    position = {name: number for number, name in enumerate(classes)}
    splits = {
        "test": (stored.test_ids, stored.test_labels),
        "val": (stored.val_ids, stored.val_labels),
    }
    for split, (ids, labels) in splits.items():
        required = {i["id"]: position[i["label"]] for i in images if i["split"] == split}
        found = dict(zip(ids, labels.tolist(), strict=True))
        if len(found) != len(ids) or required != found:
            wrong = sorted(
                name
                for name in required.keys() | found.keys()
                if required.get(name) != found.get(name)
            )
            message = f"images and labels of {split}: not those of {data.shown}/{SPLITS}: "
            message += f"{len(wrong)} differ, first {wrong[0] if wrong else 'one given twice'}"
            yield Finding(f"{step.shown}/{PREDICTIONS}", "record", message)


def _check_exports(facts: Facts, steps: Steps) -> Findings:
    step, record = steps.found.get("export"), facts.export
    if step is None or record is None or step.manifest is None:
        return
    listed = {file.path: file for file in step.manifest.files}
    sizes = {}
    for artifact in record.artifacts:
        if artifact.path is None:
            continue
        file = listed.get(artifact.path)
        sizes[artifact.format] = None if file is None else file.size_bytes / 1e6
        required = None if file is None else (file.sha256, file.size_bytes)
        if required != (artifact.sha256, artifact.size_bytes):
            message = f"{artifact.path}: its SHA-256 and size are not those of the file"
            yield Finding(f"{step.shown}/{RECORD}", "record", message)
    yield from _check_verification(facts, steps)
    measured = steps.found.get("benchmark")
    for one in facts.benchmark.formats if facts.benchmark and measured else ():
        if measured and one.size_mb is not None and not _close(one.size_mb, sizes.get(one.format)):
            message = (
                f"{one.format}: {one.size_mb} MB recorded, {sizes.get(one.format)} is the file"
            )
            yield Finding(f"{measured.shown}/{RECORD}", "record", message)


def _check_verification(facts: Facts, steps: Steps) -> Findings:
    step = steps.found.get("verify")
    if step is None or facts.verify is None or facts.evaluate is None:
        return
    accuracy = facts.evaluate.test["acc"].value
    for one in facts.verify.formats:
        figures: dict[str, tuple[float | None, float | None]] = {
            "n": (facts.evaluate.n_test, one.n),
            "reference_accuracy": (accuracy, one.reference_accuracy),
        }
        if one.accuracy is not None and one.accuracy.value is not None:
            lost = one.reference_accuracy - one.accuracy.value
            figures["accuracy_difference"] = (lost, one.accuracy_difference)
            beyond = sum(not flip.tie for flip in one.flips)
            figures["flips_beyond_ties"] = (beyond, one.flips_beyond_ties)
        for name, (required, found) in figures.items():
            if not _close(required, found):
                message = f"{one.format}: {name}: {required} follows, {found} recorded"
                yield Finding(f"{step.shown}/{RECORD}", "record", message)


def _check_sections(facts: Facts, steps: Steps) -> Findings:
    step = steps.found.get("document")
    if step is None or facts.documents is None:
        return
    texts = {
        document.path: (read_plain(step.folder / document.path) or b"").decode(errors="replace")
        for document in facts.documents.documents
    }
    required = [one.model_dump(mode="json") for one in reports.check_sections(texts)]
    found = [one.model_dump(mode="json") for one in facts.documents.documents]
    yield from _unlike(step, RECORD, {"documents": required}, {"documents": found})


def _images(step: StepFound) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(read_plain(step.folder / SPLITS) or b"")["images"]
    return found


def _unlike(step: StepFound, name: str, required: object, found: object) -> Findings:
    for where, first, second in differing(required, found):
        message = f"{where}: {first} follows from the files, {second} found"
        yield Finding(f"{step.shown}/{name}", "record", message)


def differing(required: Any, found: Any, where: str = "") -> Iterator[tuple[str, str, str]]:
    """Where two plain values differ: path, required, found. Floats differ beyond rounding."""
    if isinstance(required, dict) and isinstance(found, dict):
        for key in sorted({*required, *found}, key=str):
            inner = f"{where}.{key}" if where else str(key)
            yield from differing(required.get(key), found.get(key), inner)
    elif isinstance(required, (list, tuple)) and isinstance(found, (list, tuple)):
        if len(required) != len(found):
            yield f"{where}, length", str(len(required)), str(len(found))
        else:
            for number, (first, second) in enumerate(zip(required, found, strict=True)):
                yield from differing(first, second, f"{where}[{number}]")
    elif not _close(required, found):
        yield where, _told(required), _told(found)


def _close(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, (int, float)):
        return math.isclose(first, second, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return first == second and isinstance(first, bool) == isinstance(second, bool)


def _told(value: object) -> str:
    text = pretty_json(value).strip() if not isinstance(value, (dict, list)) else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
