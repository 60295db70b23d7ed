"""Each class's figures on the test set, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.records import ClassResult, Estimate
from seatrial.metrics import Predictions, auc_interval, auc_per_class, f1_interval, wilson

NO_IMAGE = "no test image of this class"
NEVER_PREDICTED = "never predicted"


def class_results(predictions: Predictions, classes: Sequence[str]) -> tuple[ClassResult, ...]:
    """Precision, recall, F1 and AUC of every class, in order; undefined ones say why."""
    aucs = auc_per_class(predictions.probabilities, predictions.labels)
    confusion, total = predictions.confusion, predictions.labels.size
    return tuple(
        _result(
            name,
            hits=int(confusion[k, k]),
            support=int(confusion[k].sum()),
            called=int(confusion[:, k].sum()),
            total=total,
            auc=float(aucs[k]),
        )
        for k, name in enumerate(classes)
    )


def _result(
    name: str, *, hits: int, support: int, called: int, total: int, auc: float
) -> ClassResult:
    f1 = Estimate(value=None, reason=f"{NO_IMAGE}, and it was {NEVER_PREDICTED}")
    if support + called:
        value = 2 * hits / (support + called)
        f1 = Estimate(value=value, interval=f1_interval(hits, support, called))
    ranking = Estimate(value=None, reason=NO_IMAGE if not support else "no image of another class")
    if 0 < support < total:
        interval = auc_interval(auc, support, total - support)
        ranking = Estimate(value=auc, interval=interval)
    return ClassResult(
        name=name,
        support=support,
        precision=_share(hits, called, NEVER_PREDICTED),
        recall=_share(hits, support, NO_IMAGE),
        f1=f1,
        auc=ranking,
    )


def _share(hits: int, n: int, reason: str) -> Estimate:
    if n == 0:
        return Estimate(value=None, reason=reason)
    return Estimate(value=hits / n, interval=wilson(hits, n))
