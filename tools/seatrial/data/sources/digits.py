"""The 1,797 handwritten digits that come with scikit-learn: 8 × 8 pixels, ten classes."""

from __future__ import annotations

import numpy as np

from seatrial.data.sources.images import array_images
from seatrial.data.sources.interface import UNDECLARED, Listing, Request
from seatrial.data.sources.names import numbered
from seatrial.errors import ConfigurationError


def listing(request: Request) -> Listing:
    """All digits. Their grey values 0 to 16 become 0 to 255, rounded."""
    if request.group_by:
        raise ConfigurationError("data.group_by: the digits have no groups; remove it")
    # scikit-learn takes a second to import, which other sources need not wait for.
    from sklearn.datasets import load_digits

    digits = load_digits()
    count = len(digits.target)
    return Listing(
        origin="scikit-learn's digits",
        classes=tuple(str(name) for name in digits.target_names),
        ids=tuple(numbered("digits", count)),
        labels=digits.target.astype(np.int64),
        declared=np.full(count, UNDECLARED, dtype=np.int8),
        images=array_images([np.rint(digits.images * (255 / 16)).astype(np.uint8)]),
    )
