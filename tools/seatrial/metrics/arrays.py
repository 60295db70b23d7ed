"""What metrics take and give: array types, guards, and probabilities from logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Counts = Integers | Floats


def checked_labels(labels: npt.ArrayLike, num_classes: int, name: str = "labels") -> Integers:
    """``labels`` as ``(N,)`` int64, each in [0, ``num_classes``), at least one.

    :raises ValueError: another shape, no element, not whole numbers, or out of range.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name}: required shape (N,) with N of at least 1, found {array.shape}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name}: required whole numbers, found {array.dtype}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= num_classes:
        raise ValueError(f"{name}: required 0 to {num_classes - 1}, found {low} to {high}")
    return array.astype(np.int64, copy=False)


def checked_scores(scores: npt.ArrayLike, labels: Integers, num_classes: int) -> Floats:
    """``scores`` as ``(N, num_classes)`` float64, finite, one row a label.

    :raises ValueError: another shape, or a value that is not finite.
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.shape != (labels.size, num_classes):
        raise ValueError(f"scores: required {(labels.size, num_classes)}, found {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("scores: required finite numbers, found NaN or infinity")
    return array


def log_softmax(logits: npt.ArrayLike) -> Floats:
    """Log-probabilities ``(N, K)`` in float64; finite for any finite logits.

    >>> np.exp(log_softmax([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax(logits: npt.ArrayLike) -> Floats:
    """Probabilities ``(N, K)`` in float64; each row sums to one."""
    return np.asarray(np.exp(log_softmax(logits)))


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
    """Element by element; NaN where the denominator is zero: undefined, not zero."""
    above, below = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    quotient = np.full(above.shape, np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


def names_of(classes: Sequence[str], chosen: Booleans, shown: int = 5) -> str:
    """The classes at which ``chosen`` is true, with commas, the first few by name.

    >>> names_of(["a", "b", "c"], np.array([True, False, True]), shown=1)
    'a and 1 more'
    """
    names = [name for name, wanted in zip(classes, chosen, strict=True) if wanted]
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
