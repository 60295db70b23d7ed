"""The evaluate step: the best checkpoint on held-out data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.evidence.records.base import Estimate, Record


class ClassResult(Record):
    """One class on the test set."""

    name: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    auc: Estimate


class Mistake(Record):
    """A wrong prediction."""

    id: str
    true: str
    predicted: str
    confidence: float


class Confusion(Record):
    """A pair of classes that the model confuses: ``count`` images of ``true`` called other."""

    true: str
    predicted: str
    count: int
    share_of_true: float


class CalibrationBin(Record):
    """One equal-width confidence bin."""

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None
    interval: tuple[float, float] | None = None
    """95 % interval of the accuracy."""


class Gap(Record):
    """Validation minus test accuracy: unpaired, Newcombe's interval, two-sided z-test."""

    value: float
    interval: tuple[float, float]
    p_value: float
    judgement: Literal["good", "acceptable", "too large"]
    causes: tuple[str, ...] = ()


class EvaluationRecord(Record):
    """The best checkpoint on the held-out test set, once."""

    checkpoint_sha256: str
    weights_sha256: str | None = None
    """Of the weights themselves, whatever file holds them, as the test ledger knows them."""
    test_digest: str
    n_test: int
    n_val: int
    test: dict[str, Estimate]
    """By metric name without prefix: loss, acc, f1, f1_weighted, precision, recall, auc, mcc,
    nll, brier, ece, top5 …"""
    val: dict[str, Estimate]
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows are true classes, columns predicted ones."""
    bins: tuple[CalibrationBin, ...]
    mistakes: tuple[Mistake, ...]
    """The most confident first, at most 24."""
    n_mistakes: int
    confusions: tuple[Confusion, ...]
    gap: Gap
    recorded_value: float | None
    """The monitored validation metric as the checkpoint recorded it; None if it has none."""
    reevaluated_value: float | None
    repeat_identical: bool
    """A second pass over the test set gave bitwise the same logits."""
    ledger_count: int
    """Distinct (weights, test set) pairs evaluated in this project so far, this one included."""
    needed_n_test: int | None
    """Test images needed so that an accuracy as measured would prove the target; None without
    a target, or where the measured accuracy does not exceed it."""
    confidence_quantiles: dict[str, float] = Field(default_factory=dict)
    """Confidence of the predicted class on validation images: ``mean``, ``std``, and the quantiles
    ``0.01``, ``0.05``, ``0.5``; empty: not measured. Monitoring derives its bounds from these."""
    predicted_shares: tuple[float, ...] = ()
    """Share of validation images predicted as each class; empty: not measured."""
    warnings: tuple[str, ...]
    plots: tuple[str, ...] = ()
    seconds: float
