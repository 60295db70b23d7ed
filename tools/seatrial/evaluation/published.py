"""``metrics.json``: an evaluation's figures under the names that a configuration uses."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.config.metric_names import METRICS, base_name
from seatrial.errors import ConfigurationError
from seatrial.evidence.records import Estimate, EvaluationRecord

MATRIX = "test_confusion_matrix"


def metrics_json(record: EvaluationRecord, names: Sequence[str]) -> dict[str, object]:
    """The metrics in ``names`` (``test_acc``, ``val_f1`` …), and for each of the test set the one
    of validation beside it: ``{"value", "interval": [low, high]}``; an undefined value is null and
    has a ``reason``. Then the confusion matrix with its classes, and the gap.

    :raises ConfigurationError: for a name that does not exist.
    """
    wanted = [*names, *(f"val_{base_name(name)}" for name in names if name.startswith("test_"))]
    unknown = [name for name in wanted if not _known(name)]
    if unknown:
        raise ConfigurationError(
            f"metrics: required test_ or val_ and one of {', '.join(METRICS)}; "
            f"found {', '.join(unknown)}"
        )
    measured = {"test": record.test, "val": record.val}
    found: dict[str, object] = {}
    for name in dict.fromkeys(wanted):
        split, base = name.split("_", 1)
        if base != "confusion_matrix":
            found[name] = _published(measured[split][base])
    if MATRIX in wanted:
        found[MATRIX] = {
            "classes": [one.name for one in record.classes],
            "rows": [list(row) for row in record.confusion],
        }
    found["val_test_gap"] = {
        "value": record.gap.value,
        "interval": list(record.gap.interval),
        "p_value": record.gap.p_value,
        "judgement": record.gap.judgement,
    }
    return found


def _known(name: str) -> bool:
    return name.startswith(("test_", "val_")) and base_name(name) in METRICS


def _published(estimate: Estimate) -> dict[str, object]:
    published: dict[str, object] = {
        "value": estimate.value,
        "interval": None if estimate.interval is None else list(estimate.interval),
    }
    return published if estimate.reason is None else published | {"reason": estimate.reason}
