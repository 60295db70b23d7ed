"""Metrics of a classifier: pure functions of arrays, one module a theme.

``accuracy``, ``confusion``, ``agreement``, ``likelihood``, ``calibration`` and ``ranking`` hold the
metrics; ``table`` gives them by the names a configuration uses, ``estimates`` with intervals.
``intervals``, ``bootstrap``, ``comparisons`` and ``sample_size`` say how far a figure can be
trusted. None needs scikit-learn or torch.
"""

from seatrial.metrics.accuracy import accuracy, balanced_accuracy, top_k
from seatrial.metrics.agreement import cohen_kappa, mcc
from seatrial.metrics.calibration import calibration_bins, ece, ece_noise_floor
from seatrial.metrics.comparisons import mcnemar_exact, two_proportion_z
from seatrial.metrics.confusion import confusion_matrix, per_class
from seatrial.metrics.estimates import estimates
from seatrial.metrics.intervals import (
    auc_interval,
    f1_interval,
    newcombe_difference,
    wilson,
)
from seatrial.metrics.likelihood import brier, nll
from seatrial.metrics.predictions import Predictions
from seatrial.metrics.ranking import auc, auc_per_class, macro_auc
from seatrial.metrics.sample_size import proves, required_test_size
from seatrial.metrics.table import TABLE, compute

__all__ = [
    "TABLE",
    "Predictions",
    "accuracy",
    "auc",
    "auc_interval",
    "auc_per_class",
    "balanced_accuracy",
    "brier",
    "calibration_bins",
    "cohen_kappa",
    "compute",
    "confusion_matrix",
    "ece",
    "ece_noise_floor",
    "estimates",
    "f1_interval",
    "macro_auc",
    "mcc",
    "mcnemar_exact",
    "newcombe_difference",
    "nll",
    "per_class",
    "proves",
    "required_test_size",
    "top_k",
    "two_proportion_z",
    "wilson",
]
