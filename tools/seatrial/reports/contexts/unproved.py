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
    return [*_issues(facts), *_results(facts), *_data(facts), *_ALWAYS]


def not_proved(facts: Facts) -> list[str]:
    """All that this release leaves open, origin and measurement included."""
    return [
        *_issues(facts),
        *_origin(facts),
        *_results(facts),
        *_data(facts),
        *_measurement(facts),
        *_ALWAYS,
    ]


def _origin(facts: Facts) -> list[str]:
    run, lines = facts.run, []
    if run.vouched_by is None:
        lines.append(training.vouching(run))
    if facts.train is not None and facts.train.trained_elsewhere:
        lines.append(training.elsewhere(run))
    if run.git.commit is None or run.git.dirty:
        lines.append(training.repository(run))
    older = [
        name
        for name, step in facts.steps.items()
        if step.manifest.inputs.get("code") not in (None, run.environment.code_sha256)
    ]
    if older:
        lines.append(
            f"Made by another version of Seatrial's code than the rest: {f.listing(older, 10)}."
        )
    return lines


def _issues(facts: Facts) -> list[str]:
    if facts.known_issues_problem is not None:
        return [f"What is known to be wrong cannot be read: {facts.known_issues_problem}."]
    if facts.known_issues is None:
        return [f"What is known to be wrong is not stated: {facts.config.known_issues} is absent."]
    return [
        f"Known and open, {issue.severity}: {issue.title}."
        for issue in facts.known_issues
        if issue.status == "open"
    ]


def _results(facts: Facts) -> list[str]:
    evaluation, targets = facts.evaluate, facts.config.targets
    if evaluation is None:
        return ["Nothing is known of accuracy: the evaluate step has not finished in this run."]
    lines = []
    accuracy = evaluation.test.get("acc")
    if targets.test_acc is None:
        lines.append("No target is declared, so it is not proved that the accuracy is enough.")
    elif accuracy is None or accuracy.interval is None or accuracy.interval[0] < targets.test_acc:
        lines.append(
            "It is not proved that accuracy on new images is"
            f" {f.percent(targets.test_acc)} or more: measured is {f.estimate(accuracy, True)}."
        )
    few = [c.name for c in evaluation.classes if c.support < FEW_IMAGES]
    if few:
        lines.append(
            f"Little is known of the classes {f.listing(few, 10)}: fewer than {FEW_IMAGES} test"
            " images each."
        )
    if evaluation.ledger_count > 1:
        lines.append(
            f"The test set was used before: {f.count(evaluation.ledger_count)} pairs of weights and"
            " test set have been evaluated in this project, this one included."
        )
    return lines


def _data(facts: Facts) -> list[str]:
    data = facts.data
    if data is None:
        return ["Nothing is known of the data: the data step has not finished in this run."]
    lines = []
    pairs = training.total(data.leakage, data.leakage_total)
    if pairs:
        lines.append(
            "It is not proved that accuracy holds for unseen images:"
            f" {f.plural(pairs, 'pair')} of the same or nearly the same image across"
            " splits."
        )
    if data.groups_crossing:
        lines.append(
            "It is not proved that accuracy holds for unseen groups:"
            f" {f.count(len(data.groups_crossing))} across splits."
        )
    missing = [
        name
        for name in ("source", "licence", "consent")
        if getattr(data.card, name) == f.NOT_STATED
    ]
    if missing:
        lines.append(f"Not stated of the data: {f.listing(missing)}.")
    lines.append(f"Duplicates that this does not find may remain: {data.duplicate_method}.")
    return lines


def _measurement(facts: Facts) -> list[str]:
    targets, lines = facts.config.targets, []
    if facts.benchmark is None:
        lines.append(
            "Latency and memory are not measured: the benchmark step has not finished in this run."
        )
    else:
        lines.append(f"Latency and memory were measured on {facts.benchmark.processor} alone.")
        if facts.benchmark.gpu is None:
            lines.append("Nothing was measured on a GPU: none was present.")
    if facts.verify is None:
        lines.append("It is not verified that the exported files answer as the model does.")
    bounds = {
        "max_ece": targets.max_ece,
        "max_latency_p95_ms": targets.max_latency_p95_ms,
        "max_memory_mb": targets.max_memory_mb,
        "max_size_mb": targets.max_size_mb,
    }
    undeclared = [f"targets.{name}" for name, bound in bounds.items() if bound is None]
    if undeclared:
        lines.append(f"No bound is declared for {f.listing(undeclared)}: any value passes.")
    return lines
