"""A model's logits against an export's: differences, decisions that flip, and what passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.evidence.records import Estimate, Flip, Format
from seatrial.metrics.calibration import ece
from seatrial.metrics.comparisons import mcnemar_exact
from seatrial.metrics.intervals import wilson

EXACT_FORMATS: tuple[Format, ...] = ("onnx", "torchscript", "torch_export")
"""The formats that compute in float32 as the model does: none of their decisions may flip."""

ROUNDING = 1e-3
"""Share of the largest logit (at least 1) that float32 arithmetic in another order may move one.
Measured: 1e-7 to 1e-5. Larger differences are no rounding."""

COARSE = 0.1
"""The same for float16 and int8 when only the batch size changes, where one rounding to the
next step moves all that follows."""

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """An export against the model on the same images."""

    n: int
    accuracy: Estimate
    reference_accuracy: float
    max_logit_difference: float
    mean_logit_difference: float
    flips: tuple[Flip, ...]
    mcnemar_p: float
    ece: float
    rounding: float
    """Largest logit difference that float32 rounding explains, in logits."""

    @property
    def accuracy_difference(self) -> float:
        """Reference minus export."""
        return self.reference_accuracy - (self.accuracy.value or 0.0)

    @property
    def beyond_ties(self) -> int:
        """Flips that are no ties."""
        return sum(not flip.tie for flip in self.flips)


def compare(
    reference: Floats,
    exported: Floats,
    labels: Integers,
    ids: Sequence[str],
    classes: Sequence[str],
) -> Comparison:
    """Compare logits ``(N, K)`` of the same images.

    A flip is a **tie** if the reference's margin is at most twice the largest logit difference,
    where a difference counts up to :data:`ROUNDING` of the largest logit and no further: by
    arithmetic no decision can flip whose margin exceeds twice the largest difference, so without
    that cap every flip would be a tie.
    """
    first, second = reference.astype(np.float64), exported.astype(np.float64)
    difference = np.abs(first - second)
    rounding = ROUNDING * max(1.0, float(np.abs(first).max()))
    tie_margin = 2 * min(float(difference.max()), rounding)
    before, after = first.argmax(axis=1), second.argmax(axis=1)
    right_before, right_after = before == labels, after == labels
    n, correct = len(labels), int(right_after.sum())
    return Comparison(
        n=n,
        accuracy=Estimate(value=correct / n, interval=wilson(correct, n)),
        reference_accuracy=float(right_before.mean()),
        max_logit_difference=float(difference.max()),
        mean_logit_difference=float(difference.mean()),
        flips=_flips(first, second, labels, ids, classes, tie_margin),
        mcnemar_p=mcnemar_exact(
            int((right_before & ~right_after).sum()), int((~right_before & right_after).sum())
        ),
        ece=ece(_softmax(second).max(axis=1), right_after),
        rounding=rounding,
    )


def log_probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """``(N, K)`` logits as log-probabilities, none below the smallest normal float32's.

    What an export with softmax inside is compared with: the logarithms of its probabilities,
    which :func:`seatrial.parity.runtimes.log_shares` cuts off at the same place. A row's
    differences, hence its margin, are those of the logits.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.asarray(np.maximum(logs, np.log(np.finfo(np.float32).tiny)), dtype=np.float64)


def margins(logits: Floats) -> npt.NDArray[np.float64]:
    """Largest minus second largest logit of each row, ``(N,)``; needs at least two classes."""
    top = np.partition(logits.astype(np.float64), -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0], dtype=np.float64)


def _flips(
    reference: Floats,
    exported: Floats,
    labels: Integers,
    ids: Sequence[str],
    classes: Sequence[str],
    tie_margin: float,
) -> tuple[Flip, ...]:
    before, after = reference.argmax(axis=1), exported.argmax(axis=1)
    reference_margins, exported_margins = margins(reference), margins(exported)
    return tuple(
        Flip(
            id=ids[n],
            true=classes[labels[n]],
            reference=classes[before[n]],
            exported=classes[after[n]],
            reference_margin=float(reference_margins[n]),
            exported_margin=float(exported_margins[n]),
            tie=bool(reference_margins[n] <= tie_margin),
        )
        for n in np.flatnonzero(before != after).tolist()
    )


def _softmax(logits: Floats) -> npt.NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)
