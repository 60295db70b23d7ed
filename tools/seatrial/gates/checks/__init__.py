"""The table of checks: what a checklist may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from seatrial.gates.checks import (
    approval,
    data,
    documents,
    export,
    numbers,
    quality,
    reproducibility,
    test,
    training,
)
from seatrial.gates.checks.case import Case
from seatrial.gates.verdicts import Finding

CheckFunction = Callable[[Case], Finding]


@dataclass(frozen=True)
class Check:
    """A check function and what it claims, in a sentence."""

    name: str
    description: str
    function: CheckFunction


def _table(*functions: CheckFunction) -> Mapping[str, Check]:
    table = {}
    for function in functions:
        name = function.__name__
        table[name] = Check(name, " ".join((function.__doc__ or "").split()), function)
    return MappingProxyType(table)


CHECKS = _table(
    numbers.at_least,
    numbers.at_most,
    training.training_complete,
    training.best_checkpoint,
    training.last_checkpoint,
    training.training_healthy,
    data.no_leakage,
    data.data_described,
    test.evaluated_on_test,
    test.target_met,
    test.gap_within_bound,
    test.class_floor,
    test.failures_analysed,
    test.calibration,
    export.export_valid,
    export.export_verified,
    export.inference_tried,
    export.measured_within_budget,
    documents.guide_runs,
    documents.document_complete,
    documents.model_card,
    documents.monitoring_guide,
    reproducibility.reproducible,
    reproducibility.environment_pinned,
    quality.release_safe,
    approval.approved,
)
