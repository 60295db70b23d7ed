"""Data sets: sources, splits, one pass of reading, pixels, augmentation, and the data report.

``open_dataset`` lists a source (``sources``), reads every image once (``reading``), divides the
images (``splits``) and gives a ``Dataset``; ``describe`` reports on it (``leakage`` finds copies
with ``fingerprints`` and ``neighbours``); ``Augmenter`` varies training images.
"""

from seatrial.data.augmentation import Augmenter
from seatrial.data.dataset import Dataset
from seatrial.data.description import describe
from seatrial.data.opening import open_dataset

__all__ = ["Augmenter", "Dataset", "describe", "open_dataset"]
