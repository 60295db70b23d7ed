"""The verify step: every exported file against the model."""

from __future__ import annotations

from seatrial.evidence.records.base import Estimate, Record
from seatrial.evidence.records.export import Format


class Flip(Record):
    """An image on which the export decides otherwise. Margins are top-1 minus top-2 logit."""

    id: str
    true: str
    reference: str
    exported: str
    reference_margin: float
    exported_margin: float
    tie: bool


class FormatVerification(Record):
    """One exported file against the model, on the whole test set, in a process of its own."""

    format: Format
    passed: bool
    reason: str | None
    n: int
    accuracy: Estimate | None
    reference_accuracy: float
    accuracy_difference: float | None
    """Reference minus export, as a fraction."""
    accuracy_bound: float
    max_logit_difference: float | None
    mean_logit_difference: float | None
    flips: tuple[Flip, ...]
    flips_beyond_ties: int | None
    mcnemar_p: float | None
    ece: float | None
    batch_differences: dict[str, float]
    """Largest logit difference against the batch of the run, by batch size 1, 2, 7, 32."""
    golden_n: int
    golden_agree: int | None
    golden_max_difference: float | None
    """From file to logits through the serving path, against training's preprocessing."""
    seconds: float


class VerificationRecord(Record):
    """Every format's verification."""

    formats: tuple[FormatVerification, ...]
    seconds: float
