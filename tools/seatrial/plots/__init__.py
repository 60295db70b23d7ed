"""Pictures for documents: plain functions from figures to PNG files of reproducible bytes.

matplotlib is imported when the first picture is drawn, and never through pyplot.
"""

from seatrial.plots.balance import class_balance
from seatrial.plots.curves import learning_curves
from seatrial.plots.grid import image_grid
from seatrial.plots.latency import latency_comparison
from seatrial.plots.matrix import confusion_matrix
from seatrial.plots.reliability import reliability_diagram

__all__ = [
    "class_balance",
    "confusion_matrix",
    "image_grid",
    "latency_comparison",
    "learning_curves",
    "reliability_diagram",
]
