"""Random predictions with every awkward feature a test set can have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest


def random_case(
    n: int = 300, k: int = 7, skill: float = 1.5, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Logits ``(n, k)`` and labels with uneven classes, each of which has an image."""
    random = np.random.default_rng(seed)
    shares = np.arange(1, k + 1) / (k * (k + 1) / 2)
    labels = np.concatenate([np.arange(k), random.choice(k, n - k, p=shares)])
    logits = random.normal(size=(n, k))
    logits[np.arange(n), labels] += skill
    return logits.astype(np.float32), labels.astype(np.int64)


@pytest.fixture
def case() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    return random_case()
