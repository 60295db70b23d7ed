"""The metric names that a configuration may use."""

from __future__ import annotations

METRICS = {
    "loss": "the training loss on held-out data",
    "acc": "share of images whose most probable class is the true one",
    "balanced_acc": "mean of the classes' recalls",
    "f1": "unweighted mean of the classes' F1",
    "f1_weighted": "mean of the classes' F1 weighted by support",
    "precision": "unweighted mean of the classes' precision",
    "recall": "unweighted mean of the classes' recall",
    "auc": "area under the ROC curve, one class against the rest, unweighted mean",
    "mcc": "Matthews correlation coefficient",
    "nll": "mean negative log-likelihood of the true class, in nats",
    "brier": "mean squared distance of probabilities and one-hot truth, 0 to 2",
    "ece": "expected calibration error, 15 equal-width bins",
    "top5": "share of images whose true class is among the five most probable",
    "confusion_matrix": "counts by true and predicted class",
}

LOWER_IS_BETTER = frozenset({"loss", "nll", "brier", "ece"})


def base_name(metric: str) -> str:
    """``val_acc`` and ``test_acc`` → ``acc``."""
    return metric.split("_", 1)[1]
