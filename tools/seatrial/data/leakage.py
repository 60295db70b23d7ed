"""Copies and near copies: within a split, across splits, under two labels; groups that cross."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt

from seatrial.data import fingerprints
from seatrial.data.neighbours import near_pairs
from seatrial.data.sources.interface import SPLITS
from seatrial.data.table import Table
from seatrial.evidence.records import Pair

MIN_CORRELATION = 0.9
"""Between small thumbnails. On 12,000 images of CIFAR-10 every pair above it that the hash
proposed showed the same subject in the same pose; between 0.75 and 0.87 half were strangers."""
MAX_CANDIDATES = 1_000_000
_BLOCK = 20_000


@dataclass(frozen=True)
class Duplicates:
    """Every pair found, the nearest first."""

    method: str
    pairs: tuple[Pair, ...]
    warnings: tuple[str, ...]

    @property
    def within(self) -> list[Pair]:
        """Pairs in one split."""
        return [pair for pair in self.pairs if pair.first_split == pair.second_split]

    @property
    def across(self) -> list[Pair]:
        """Pairs in two splits: leakage."""
        return [pair for pair in self.pairs if pair.first_split != pair.second_split]

    @property
    def conflicting(self) -> list[Pair]:
        """Pairs under two labels."""
        return [pair for pair in self.pairs if pair.first_label != pair.second_label]


def find_duplicates(
    table: Table, classes: Sequence[str], near_duplicate_bits: int | None
) -> Duplicates:
    """Exact copies by their decoded pixels, near ones by hashes at most so many bits apart.

    Of k copies of one picture, k - 1 pairs are named: each copy with the first, which stands in
    the earliest split. Of two pictures that resemble each other, one pair for each two splits.
    """
    clusters = _clusters(table)
    pairs = [
        _pair(table, classes, cluster[0], other, "exact", 0)
        for cluster in clusters
        for other in cluster[1:]
    ]
    method, warnings = _method(table, near_duplicate_bits), []
    if near_duplicate_bits is not None and table.hashable.any():
        hashable = [cluster for cluster in clusters if table.hashable[cluster[0]]]
        found, complete = _similar(table, hashable, near_duplicate_bits)
        pairs += [
            _pair(table, classes, first, second, "near", distance)
            for a, b, distance in found
            for first, second in _one_each_split(table, hashable[a], hashable[b])
        ]
        if not complete:
            warnings.append(
                f"So many images share their hash that the search for near-duplicates ended at "
                f"{MAX_CANDIDATES:,} candidates; a lower data.near_duplicate_bits searches all."
            )
    pairs.sort(key=lambda pair: (pair.distance, pair.kind, pair.first, pair.second))
    return Duplicates(method, tuple(pairs), tuple(warnings))


def groups_crossing(table: Table) -> list[str]:
    """Groups with images in more than one split, in order."""
    homes: defaultdict[str, set[int]] = defaultdict(set)
    for group, split in zip(table.groups or (), table.splits.tolist(), strict=False):
        if group is not None:
            homes[group].add(split)
    return sorted(group for group, splits in homes.items() if len(splits) > 1)


def _clusters(table: Table) -> list[list[int]]:
    """Images of equal pixels, in each the earliest split first, then by id."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index in sorted(range(len(table)), key=lambda i: (table.splits[i], table.ids[i])):
        members[table.appearance[index]].append(index)
    return list(members.values())


def _similar(
    table: Table, clusters: list[list[int]], bits: int
) -> tuple[list[tuple[int, int, int]], bool]:
    """Positions in ``clusters`` of pictures that resemble each other, and their distance."""
    first = np.array([cluster[0] for cluster in clusters], dtype=np.int64)
    pairs, distances, complete = near_pairs(table.hashes[first], bits, MAX_CANDIDATES)
    small = table.coarse[first]
    common = small.mean(axis=0, dtype=np.float64).astype(np.float32)
    alike = np.concatenate(
        [np.empty(0, np.bool_)]
        + [
            fingerprints.correlations(small, block[:, 0], block[:, 1], common) >= MIN_CORRELATION
            for block in _blocks(pairs)
        ]
    )
    rows = zip(pairs[alike].tolist(), distances[alike].tolist(), strict=True)
    return [(a, b, distance) for (a, b), distance in rows], complete


def _blocks(pairs: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    return (pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK))


def _one_each_split(table: Table, a: list[int], b: list[int]) -> Iterator[tuple[int, int]]:
    """The first image of every split in ``a`` with the first of every split in ``b``."""

    def leaders(cluster: list[int]) -> list[int]:
        first: dict[int, int] = {}
        for index in cluster:
            first.setdefault(int(table.splits[index]), index)
        return list(first.values())

    for one, other in product(leaders(a), leaders(b)):
        early, late = sorted((one, other), key=lambda i: (table.splits[i], table.ids[i]))
        yield early, late


def _pair(
    table: Table,
    classes: Sequence[str],
    first: int,
    second: int,
    kind: Literal["exact", "near"],
    distance: int,
) -> Pair:
    return Pair(
        first=table.ids[first],
        second=table.ids[second],
        first_split=SPLITS[table.splits[first]],
        second_split=SPLITS[table.splits[second]],
        first_label=classes[table.labels[first]],
        second_label=classes[table.labels[second]],
        kind=kind,
        distance=distance,
    )


def _method(table: Table, bits: int | None) -> str:
    exact = "Exact duplicates have equal decoded pixels, in files that may differ."
    if bits is None:
        return f"{exact} Near-duplicates were not looked for (data.near_duplicate_bits: null)."
    small = int((np.minimum(table.widths, table.heights) < fingerprints.MIN_SIDE).sum())
    side = fingerprints.MIN_SIDE
    if small == len(table):
        return (
            f"{exact} Near-duplicates were not looked for: all images are under {side} pixels on "
            "a side, where perceptual hashes call strangers twins."
        )
    text = (
        f"{exact} Near-duplicates have 64-bit DCT hashes at most {bits} bits apart, and 16 x 16 "
        f"grey thumbnails that correlate by {MIN_CORRELATION:g} or more once the data set's mean "
        "image is subtracted."
    )
    if small:
        text += f" {small:,} images under {side} pixels on a side: exact duplicates only."
    flat = int((~table.hashable).sum()) - small
    if flat:
        text += f" {flat:,} images of nearly one colour: exact duplicates only."
    return text
