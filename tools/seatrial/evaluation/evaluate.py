"""Logits and labels of the test and validation sets → the evaluation's record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seatrial.errors import InputError
from seatrial.evaluation.cautions import cautions
from seatrial.evaluation.classes import class_results
from seatrial.evaluation.failures import confusions, mistakes
from seatrial.evaluation.gap import accuracy_gap
from seatrial.evidence.records import CalibrationBin, Estimate, EvaluationRecord
from seatrial.metrics import Predictions, calibration_bins, estimates, required_test_size, wilson


def evaluate(
    *,
    test_logits: npt.ArrayLike,
    test_labels: npt.ArrayLike,
    test_ids: Sequence[str],
    val_logits: npt.ArrayLike,
    val_labels: npt.ArrayLike,
    classes: Sequence[str],
    target_acc: float | None,
    max_gap: float,
    seed: int,
    checkpoint_sha256: str,
    test_digest: str,
    recorded_value: float | None,
    reevaluated_value: float | None,
    repeat_identical: bool,
    ledger_count: int,
    test_loss: float | None = None,
    val_loss: float | None = None,
    leaked_pairs: int | None = None,
    train_acc: float | None = None,
    seconds: float = 0.0,
) -> EvaluationRecord:
    """Everything that is known of a model from its answers on the test and validation sets.

    Logits are ``(N, K)``, labels ``(N,)`` in the order of ``classes``. ``test_loss`` and
    ``val_loss`` are the training criterion's means; None stands for plain cross entropy.
    ``leaked_pairs`` counts images that are the same in two splits, ``train_acc`` is the training
    accuracy: both serve to name the causes of a gap. ``seed`` decides the bootstrap.

    :raises InputError: where a logit is not finite, or shapes, labels and ids do not fit.
    """
    test = _checked("test", test_logits, test_labels, len(classes))
    val = _checked("val", val_logits, val_labels, len(classes))
    if len(test_ids) != test.labels.size:
        raise InputError(
            f"test ids: required {test.labels.size}, one an image, found {len(test_ids)}"
        )
    measured = {
        "test": _estimates(test, test_loss, classes, seed),
        "val": _estimates(val, val_loss, classes, seed),
    }
    results = class_results(test, classes)
    wrong = mistakes(test, test_ids, classes)
    accuracy = float(test.correct.mean())
    gap = accuracy_gap(
        val, test, classes, max_gap=max_gap, leaked_pairs=leaked_pairs, train_acc=train_acc
    )
    return EvaluationRecord(
        checkpoint_sha256=checkpoint_sha256,
        test_digest=test_digest,
        n_test=test.labels.size,
        n_val=val.labels.size,
        test=measured["test"],
        val=measured["val"],
        classes=results,
        confusion=tuple(tuple(row) for row in test.confusion.tolist()),
        bins=bins_of(test),
        mistakes=wrong,
        n_mistakes=int((~test.correct).sum()),
        confusions=confusions(test.confusion, classes),
        gap=gap,
        recorded_value=recorded_value,
        reevaluated_value=reevaluated_value,
        repeat_identical=repeat_identical,
        ledger_count=ledger_count,
        needed_n_test=None if target_acc is None else required_test_size(accuracy, target_acc),
        warnings=cautions(test, val, classes, gap, target_acc),
        seconds=seconds,
        confidence_quantiles=_confidence_quantiles(val),
        predicted_shares=tuple(
            (np.bincount(val.predicted, minlength=val.num_classes) / val.labels.size).tolist()
        ),
    )


def _confidence_quantiles(predictions: Predictions) -> dict[str, float]:
    """Mean, standard deviation and low quantiles of the predicted classes' confidences."""
    confidences = np.asarray(predictions.confidences, dtype=np.float64)
    quantiles = {str(q): float(np.quantile(confidences, q)) for q in (0.01, 0.05, 0.5)}
    return {"mean": float(confidences.mean()), "std": float(confidences.std()), **quantiles}


def _checked(
    split: str, logits: npt.ArrayLike, labels: npt.ArrayLike, num_classes: int
) -> Predictions:
    scores = np.asarray(logits)
    broken = int((~np.isfinite(scores)).any(axis=-1).sum())
    if broken:
        raise InputError(
            f"{split} logits: required finite numbers, found NaN or infinity for {broken} of "
            f"{len(scores)} images; the weights or the preprocessing are broken"
        )
    try:
        return Predictions.of(scores, labels, num_classes)
    except ValueError as error:
        raise InputError(f"{split} set: {error}") from None


def _estimates(
    predictions: Predictions, loss: float | None, classes: Sequence[str], seed: int
) -> dict[str, Estimate]:
    found = estimates(
        predictions.logits,
        predictions.labels,
        predictions.num_classes,
        seed=seed,
        classes=classes,
    )
    plain = found["nll"].value
    if loss is not None and plain is not None and not np.isclose(loss, plain, rtol=1e-5, atol=1e-7):
        found["loss"] = Estimate(
            value=float(loss),
            reason="no interval: smoothing or class weights, only the mean is known",
        )
    return found


def bins_of(predictions: Predictions) -> tuple[CalibrationBin, ...]:
    """15 equal-width bins of confidence, with Wilson's interval of each bin's accuracy."""
    bins = calibration_bins(predictions.confidences, predictions.correct)
    return tuple(
        CalibrationBin(
            lower=float(bins.lower[i]),
            upper=float(bins.upper[i]),
            count=int(count),
            confidence=float(bins.confidence[i]) if count else None,
            accuracy=float(bins.accuracy[i]) if count else None,
            interval=wilson(int(bins.right[i]), int(count)) if count else None,
        )
        for i, count in enumerate(bins.counts)
    )
