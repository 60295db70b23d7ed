"""Copies and near copies: within a split, across splits, under two labels; groups that cross."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from seatrial.data import fingerprints
from seatrial.data.similarity import MIN_CORRELATION, Similar
from seatrial.data.sources.interface import SPLITS
from seatrial.data.table import Table
from seatrial.evidence.records import Pair


@dataclass(frozen=True)
class Duplicates:
    """Every pair found, the nearest first."""

    pairs: tuple[Pair, ...]

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


def find_duplicates(table: Table, classes: Sequence[str], similar: Similar) -> Duplicates:
    """Exact copies by their decoded pixels, and ``similar`` pictures, named and sorted.

    Of k copies of one picture, k - 1 pairs are named: each copy with the first, which stands in
    the earliest split. Of two pictures that resemble each other, one pair for each two splits.
    """
    clusters = _clusters(table)
    pairs = [
        _pair(table, classes, cluster[0], other, "exact", 0)
        for cluster in clusters.values()
        for other in cluster[1:]
    ]
    for (a, b), distance in zip(similar.pairs.tolist(), similar.distances.tolist(), strict=True):
        ours, theirs = clusters[table.appearance[a]], clusters[table.appearance[b]]
        for first, second in _one_each_split(table, ours, theirs):
            pairs.append(_pair(table, classes, first, second, "near", distance))
    pairs.sort(key=lambda pair: (pair.kind, pair.distance, pair.first, pair.second))
    return Duplicates(tuple(pairs))


def groups_crossing(table: Table) -> list[str]:
    """Groups with images in more than one split, in order."""
    homes: defaultdict[str, set[int]] = defaultdict(set)
    for group, split in zip(table.groups or (), table.splits.tolist(), strict=False):
        if group is not None:
            homes[group].add(split)
    return sorted(group for group, splits in homes.items() if len(splits) > 1)


def method(table: Table, bits: int | None) -> str:
    """How duplicates were looked for, and where they could not be, as a phrase."""
    exact, side = "equal decoded pixels", fingerprints.MIN_SIDE
    if bits is None:
        return f"{exact}; near-duplicates were not looked for (data.near_duplicate_bits: null)"
    small = int((np.minimum(table.widths, table.heights) < side).sum())
    if small == len(table):
        return (
            f"{exact}; near-duplicates were not looked for, because all images are under {side} "
            "pixels on a side, where perceptual hashes call strangers twins"
        )
    text = (
        f"{exact}, or 64-bit DCT hashes at most {bits} bits apart, confirmed by a correlation of "
        f"thumbnails of at least {MIN_CORRELATION:g}, more in a class whose images all look "
        "alike, and by fine detail in images of 64 pixels or more"
    )
    if small:
        text += f"; {small:,} images under {side} pixels on a side by equal pixels only"
    flat = int((~table.hashable).sum()) - small
    if flat:
        text += f"; {flat:,} images of nearly one colour by equal pixels only"
    return text


def _clusters(table: Table) -> dict[str, list[int]]:
    """Images of equal pixels, in each the earliest split first, then by id."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index in sorted(range(len(table)), key=lambda i: (table.splits[i], table.ids[i])):
        members[table.appearance[index]].append(index)
    return members


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
