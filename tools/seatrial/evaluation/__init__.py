"""From a model's predictions on held-out data to a record, pictures and published figures.

``evaluate`` makes the record and ``draw`` its pictures; ``metrics_json`` gives the figures under
their public names; the predictions themselves are kept by ``write_predictions``, and the test
ledger counts how often a test set was used.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from seatrial.evaluation.evaluate import evaluate
from seatrial.evaluation.ledger import count_in_ledger, read_ledger, record_in_ledger
from seatrial.evaluation.pictures import ImageById, draw
from seatrial.evaluation.predictions_file import (
    StoredPredictions,
    read_predictions,
    write_predictions,
)
from seatrial.evaluation.published import metrics_json

Criterion = Callable[[npt.NDArray[np.float32], npt.NDArray[np.int64]], float]
"""Logits ``(N, K)`` and labels ``(N,)`` → the training criterion's mean."""

__all__ = [
    "Criterion",
    "ImageById",
    "StoredPredictions",
    "count_in_ledger",
    "draw",
    "evaluate",
    "metrics_json",
    "read_ledger",
    "read_predictions",
    "record_in_ledger",
    "write_predictions",
]
