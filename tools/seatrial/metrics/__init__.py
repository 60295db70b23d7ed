"""Metrics of a classifier: pure functions of arrays, one module a theme.

``accuracy``, ``confusion``, ``agreement``, ``likelihood``, ``calibration`` and ``ranking`` hold the
metrics, ``table`` gives them by the names a configuration uses, ``intervals``, ``bootstrap``,
``comparisons`` and ``sample_size`` say how far a figure can be trusted. None needs scikit-learn or
torch.
"""

from seatrial.metrics.table import compute

__all__ = ["compute"]
