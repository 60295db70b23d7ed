"""Random numbers that are a function of what they are for, not of when they are drawn.

SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014) run
as a counter-based generator: every image of every epoch has a stream of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_GAMMA = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1

Words = npt.NDArray[np.uint64]


def _mix(words: Words) -> Words:
    """SplitMix64's output function, a bijection of 64-bit words; overwrites ``words``."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def uniforms(
    seed: int, epoch: int, indices: npt.NDArray[np.int64], draws: int
) -> npt.NDArray[np.float64]:
    """``(B, draws)`` numbers in [0, 1), row b a function of (seed, epoch, indices[b]) alone."""
    start = np.array([seed & _MASK], dtype=np.uint64)
    state = _mix(_mix(start + np.uint64(_GAMMA)) ^ np.uint64(epoch & _MASK))
    streams = _mix(state + indices.astype(np.uint64) * np.uint64(_GAMMA))
    counters = np.arange(1, draws + 1, dtype=np.uint64) * np.uint64(_GAMMA)
    words = _mix(streams[:, None] + counters[None, :])
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
