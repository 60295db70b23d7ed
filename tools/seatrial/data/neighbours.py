"""All pairs of 64-bit hashes within a Hamming distance, without comparing each with each.

If two hashes differ in at most d bits, then of d + 1 bands of bits at least one is equal in both
(the pigeonhole principle): only hashes that share a band are compared.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

HASH_BITS = 64

Pairs = npt.NDArray[np.int64]
"""``(p, 2)``, positions, the smaller first."""
Distances = npt.NDArray[np.int64]


def near_pairs(
    hashes: npt.NDArray[np.uint64], max_distance: int, limit: int = 10**8
) -> tuple[Pairs, Distances, bool]:
    """Every pair within ``max_distance`` bits, ``(p, 2)``, its distance, ``(p,)``, and True.

    Ordered by distance, then position. k equal hashes make k (k - 1) / 2 pairs, so the search ends
    once a band has given ``limit`` pairs; then the last value is False.

    >>> import numpy as np
    >>> near_pairs(np.array([0b0000, 0b0111, 0b0001], dtype=np.uint64), 2)[0].tolist()
    [[0, 2], [1, 2]]
    """
    count, complete = max(len(hashes), 1), True
    distinct = np.empty(0, np.int64)
    for shift, width in _bands(max_distance + 1):
        first, second = _pairs_in_band(hashes, shift, width, max_distance, limit)
        distinct = np.union1d(distinct, first * count + second)
        if len(first) >= limit or len(distinct) >= limit:
            complete = False
            break
    pairs = np.stack([distinct // count, distinct % count], axis=1)
    distances = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]).astype(np.int64)
    order = np.argsort(distances, kind="stable")
    return pairs[order], distances[order], complete


def _bands(number: int) -> list[tuple[int, int]]:
    """``number`` bands over all bits: first bit and width of each."""
    edges = [HASH_BITS * band // number for band in range(number + 1)]
    return [(low, high - low) for low, high in pairwise(edges)]


def _pairs_in_band(
    hashes: npt.NDArray[np.uint64], shift: int, width: int, max_distance: int, limit: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs that share the bits from ``shift`` on and lie within the distance."""
    mask = np.uint64((1 << width) - 1)
    keys = (hashes >> np.uint64(shift)) & mask
    order = np.argsort(keys, kind="stable")
    keys, ordered = keys[order], hashes[order]
    ends = np.searchsorted(keys, keys, side="right")
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    active, step, found = np.arange(len(keys)), 0, 0
    while len(active) and found < limit:
        step += 1
        active = active[active + step < ends[active]]
        near = np.bitwise_count(ordered[active] ^ ordered[active + step]) <= max_distance
        hits = active[near]
        first.append(order[hits])
        second.append(order[hits + step])
        found += len(hits)
    a, b = np.concatenate(first), np.concatenate(second)
    return np.minimum(a, b), np.maximum(a, b)
