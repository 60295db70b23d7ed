"""What a release does not prove, said by rule: the final report and the model card share it."""

from __future__ import annotations

from seatrial.evidence.facts import Facts
from seatrial.reports import formats as f
from seatrial.reports.sentences import training
from seatrial.reports.sentences.results import FEW_IMAGES

_ALWAYS = (
    "Nothing was measured on images of another source than the test set: another camera, place,"
    " season or population may be answered worse.",
    "Robustness to corrupted or adversarial images was not measured.",
    "Fairness between groups of persons was not measured.",
)


def limits(facts: Facts) -> list[str]:
    """What a user must not conclude from the test results."""
    return [*_results(facts), *_data(facts), *_ALWAYS]


def not_proved(facts: Facts) -> list[str]:
    """All that this release leaves open, origin and measurement included."""
    return [*_origin(facts), *_results(facts), *_data(facts), *_measurement(facts), *_ALWAYS]


def _origin(facts: Facts) -> list[str]:
    run, lines = facts.run, []
    if run.vouched_by is None:
        lines.append(training.vouching(run))
    if facts.train is not None and facts.train.trained_elsewhere:
        lines.append(training.elsewhere(run))
    if run.git.commit is None or run.git.dirty:
        lines.append(training.repository(run))
    return lines


def _results(facts: Facts) -> list[str]:
    evaluation, targets = facts.evaluate, facts.config.targets
    if evaluation is None:
        return ["Nothing is known of accuracy: the evaluate step has not finished in this run."]
    lines = []
    accuracy = evaluation.test.get("acc")
    if targets.test_acc is None:
        lines.append("That the accuracy is enough: no target is declared.")
    elif accuracy is None or accuracy.interval is None or accuracy.interval[0] < targets.test_acc:
        lines.append(
            f"That accuracy on new images is {f.percent(targets.test_acc)} or more: measured is"
            f" {f.estimate(accuracy, True)}."
        )
    few = [c.name for c in evaluation.classes if c.support < FEW_IMAGES]
    if few:
        lines.append(
            f"How good the answers are for {f.listing(few, 10)}: fewer than {FEW_IMAGES} test"
            " images each."
        )
    if evaluation.ledger_count > 1:
        lines.append(
            f"That the test set is fresh: {f.count(evaluation.ledger_count)} pairs of weights and"
            " test set have been evaluated in this project."
        )
    return lines


def _data(facts: Facts) -> list[str]:
    data = facts.data
    if data is None:
        return ["Nothing is known of the data: the data step has not finished in this run."]
    lines = []
    if data.leakage:
        lines.append(
            f"That accuracy holds for unseen images: {f.plural(len(data.leakage), 'pair')} of the"
            " same or nearly the same image stand in two splits."
        )
    if data.groups_crossing:
        lines.append(
            f"That accuracy holds for unseen groups: {f.count(len(data.groups_crossing))} cross"
            " splits."
        )
    missing = [
        name
        for name in ("source", "licence", "consent")
        if getattr(data.card, name) == f.NOT_STATED
    ]
    if missing:
        lines.append(f"Whether the data may be used as they were: {f.listing(missing)} not stated.")
    lines.append(f"That no near-duplicate was overlooked: {data.duplicate_method}.")
    return lines


def _measurement(facts: Facts) -> list[str]:
    targets, lines = facts.config.targets, []
    if facts.benchmark is None:
        lines.append("Latency and memory: the benchmark step has not finished in this run.")
    else:
        lines.append(f"Latency on another processor than {facts.benchmark.processor}.")
        if facts.benchmark.gpu is None:
            lines.append("Anything on a GPU: none was present.")
    if facts.verify is None:
        lines.append("That the exported files answer as the model does: not verified.")
    bounds = {
        "max_ece": targets.max_ece,
        "max_latency_p95_ms": targets.max_latency_p95_ms,
        "max_memory_mb": targets.max_memory_mb,
        "max_size_mb": targets.max_size_mb,
    }
    undeclared = [f"targets.{name}" for name, bound in bounds.items() if bound is None]
    if undeclared:
        lines.append(
            f"That these are small enough, since no bound is declared: {f.listing(undeclared)}."
        )
    return lines
