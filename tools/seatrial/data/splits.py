"""Who is in which split: a function of the seed and of what the images hold, of nothing else.

Neither names nor the order of files play a part. Images that belong together (a group, or copies
of one picture) stay together, and each class is divided in the same proportions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from seatrial.data.sources.interface import SPLITS, UNDECLARED
from seatrial.errors import ConfigurationError, InputError

DEFAULT_SHARES = (0.6, 0.2, 0.2)

Ints = npt.NDArray[np.int64]
SplitColumn = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Carving:
    """How the images of ``pool`` are to be divided."""

    pool: npt.NDArray[np.bool_]
    shares: dict[int, float]
    """By position in :data:`SPLITS`; they add up to 1."""
    method: str
    """A phrase for the report."""


def plan(
    declared: SplitColumn, fractions: Sequence[float | None] | None, seed: int
) -> Carving | None:
    """What to divide, from what the source declares and ``data.fractions`` (train, val, test).

    None where the source declares every split.

    :raises ConfigurationError: fractions that contradict the source, or do not add up.
    """
    given = {split: share for split, share in enumerate(fractions or ()) if share is not None}
    if bool((declared == UNDECLARED).all()):
        shares = _complete(given) if given else dict(enumerate(DEFAULT_SHARES))
        text = ", ".join(f"{SPLITS[split]} {share:g}" for split, share in sorted(shares.items()))
        return Carving(
            np.ones(len(declared), dtype=np.bool_),
            shares,
            f"by fractions ({text}), stratified by class, in the order of a hash of seed {seed} "
            "and each image's content; groups, copies and near copies of one picture stay "
            "together",
        )
    missing = [split for split in range(len(SPLITS)) if not (declared == split).any()]
    _refuse_contradictions(given, missing)
    if not missing:
        return None
    carved = {split: given[split] for split in missing}
    text = ", ".join(f"{SPLITS[split]} {share:g}" for split, share in carved.items())
    return Carving(
        declared == 0,
        {0: 1 - sum(carved.values()), **carved},
        f"as the source declares, with a fraction taken out of train ({text}), stratified by "
        f"class, in the order of a hash of seed {seed} and each image's content; groups, "
        "copies and near copies of one picture stay together",
    )


def _complete(given: dict[int, float]) -> dict[int, float]:
    """All three shares; one that is not given is what the others leave."""
    absent = [split for split in range(len(SPLITS)) if split not in given]
    if len(absent) > 1:
        raise ConfigurationError(
            "data.fractions: required at least two of train, val and test, found "
            f"{', '.join(SPLITS[split] for split in given)}"
        )
    shares = dict(given)
    for split in absent:
        shares[split] = 1 - sum(given.values())
    if abs(sum(shares.values()) - 1) > 1e-6 or min(shares.values()) <= 1e-9:
        raise ConfigurationError(
            "data.fractions: required three fractions above 0 that add up to 1, found "
            + ", ".join(f"{SPLITS[split]} {share:g}" for split, share in sorted(shares.items()))
        )
    return shares


def _refuse_contradictions(given: dict[int, float], missing: list[int]) -> None:
    if 0 in missing:
        raise InputError("the source declares splits, but no train split: add one")
    for split, share in given.items():
        if split and split not in missing:
            raise ConfigurationError(
                f"data.fractions.{SPLITS[split]}: the source declares its own "
                f"{SPLITS[split]} split; remove the fraction"
            )
        if split and not 0 < share < 1:
            raise ConfigurationError(
                f"data.fractions.{SPLITS[split]}: required between 0 and 1, found {share:g}"
            )
    for split in missing:
        if split not in given:
            raise ConfigurationError(
                f"data.fractions.{SPLITS[split]}: required, because the source declares no "
                f"{SPLITS[split]} split; 0.1 takes a tenth of train"
            )
    rest = 1 - sum(given[split] for split in missing)
    if rest <= 1e-9 or abs(given.get(0, rest) - rest) > 1e-6:
        raise ConfigurationError(
            f"data.fractions: train, val and test must add up to 1 with train above 0; what is "
            f"taken out of train leaves {rest:g}"
        )


def together(count: int, pairs: Ints, *relations: Sequence[str | None]) -> Ints:
    """Component ``(count,)`` of each image: pairs ``(p, 2)`` are one, and all that share a value
    in any relation.
    """
    rows: list[int] = pairs[:, 0].tolist()
    columns: list[int] = pairs[:, 1].tolist()
    for relation in relations:
        first: dict[str, int] = {}
        for index, value in enumerate(relation):
            if value is not None:
                rows.append(first.setdefault(value, index))
                columns.append(index)
    edges = (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))
    graph = coo_matrix((np.ones(len(rows), np.int8), edges), shape=(count, count))
    labels: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def carve(
    labels: Ints,
    content: Sequence[str],
    components: Ints,
    shares: dict[int, float],
    *,
    seed: int,
    classes: Sequence[str],
) -> SplitColumn:
    """The split ``(n,)`` of each image, positions in :data:`SPLITS`.

    Components of several images are placed first, the largest first, each where its classes are
    furthest below their quota; single images then fill every quota up.

    :raises InputError: a class with fewer images than splits.
    """
    quotas = _quotas(labels, shares, classes)
    members = _members(components)
    keys = [_key(seed, min(content[index] for index in group)) for group in members]
    order = sorted(range(len(members)), key=lambda m: (-len(members[m]), keys[m]))
    result = np.full(len(labels), UNDECLARED, dtype=np.int8)
    placed = np.zeros_like(quotas)
    splits = np.array(sorted(shares), dtype=np.int8)
    singles: list[int] = []
    for position in order:
        group = members[position]
        if len(group) == 1:
            singles.append(group[0])
            continue
        kinds, counts = np.unique(labels[group], return_counts=True)
        before, after = placed[:, kinds], placed[:, kinds] + counts
        cost = ((after**2 - before**2) / quotas[:, kinds]).sum(axis=1)
        chosen = int(np.argmin(cost))
        placed[chosen, kinds] += counts
        result[group] = splits[chosen]
    _fill(result, np.array(singles, dtype=np.int64), labels, quotas, placed, splits)
    return result


def _fill(
    result: SplitColumn,
    singles: Ints,
    labels: Ints,
    quotas: Ints,
    placed: Ints,
    splits: SplitColumn,
) -> None:
    """Give single images, in their order, to the splits that are below their quota."""
    for kind in np.unique(labels[singles]):
        waiting = singles[labels[singles] == kind]
        open_places = np.maximum(quotas[:, kind] - placed[:, kind], 0)
        ends = np.cumsum(apportion(len(waiting), open_places.astype(np.float64)))
        for split, part in zip(splits, np.split(waiting, ends[:-1]), strict=True):
            result[part] = split


def _quotas(labels: Ints, shares: dict[int, float], classes: Sequence[str]) -> Ints:
    """Images ``(splits, classes)`` that each split should have, at least one where a class occurs.

    A class without images has a quota of 1 everywhere, so that nothing is divided by zero.
    """
    counts = np.bincount(labels, minlength=len(classes))
    weights = np.array([shares[split] for split in sorted(shares)])
    few = np.flatnonzero((counts > 0) & (counts < len(weights)))
    scarce = [classes[kind] for kind in few.tolist()]
    if scarce:
        raise InputError(
            f"class {', '.join(scarce)}: required at least {len(weights)} images to divide over "
            f"{len(weights)} splits, found fewer; add images, or leave the class out"
        )
    quotas = np.ones((len(weights), len(classes)), dtype=np.int64)
    owed = np.zeros(len(weights))
    for kind in np.flatnonzero(counts):
        exact = weights * counts[kind]
        quotas[:, kind] = _at_least_one(apportion(int(counts[kind]), exact, owed))
        # What rounding took from a split in one class comes back in the next.
        owed += exact - quotas[:, kind]
    return quotas


def _at_least_one(parts: Ints) -> Ints:
    """``parts`` with every 0 raised to 1 at the cost of the largest."""
    while (parts == 0).any():
        parts[int(parts.argmax())] -= 1
        parts[int(parts.argmin())] += 1
    return parts


def apportion(
    total: int, weights: npt.NDArray[np.float64], owed: npt.NDArray[np.float64] | float = 0.0
) -> Ints:
    """``total`` in whole parts in proportion to ``weights``, by the largest remainder.

    ``owed`` is added to the remainders, so that it decides who gets what is left over.

    >>> apportion(10, np.array([0.6, 0.2, 0.2])).tolist()
    [6, 2, 2]
    """
    exact = total * weights / weights.sum()
    parts = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(-(exact - parts + owed), kind="stable")
    parts[order[: total - int(parts.sum())]] += 1
    result: Ints = parts
    return result


def _members(components: Ints) -> list[Ints]:
    order = np.argsort(components, kind="stable")
    _, starts = np.unique(components[order], return_index=True)
    return list(np.split(order, starts[1:]))


def _key(seed: int, content: str) -> str:
    return hashlib.sha256(f"{seed}:{content}".encode()).hexdigest()
