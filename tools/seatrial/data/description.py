"""The report on a data set before training: its record, ``splits.json``, and pictures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seatrial.data.dataset import Dataset, Split
from seatrial.data.leakage import Duplicates, find_duplicates, groups_crossing, method
from seatrial.data.sources.interface import SPLITS
from seatrial.data.sources.names import shortened
from seatrial.evidence.records import DataRecord, Pair, SplitCount
from seatrial.files import canonical_json, write_text

MAX_LISTED = 1000
"""Longer lists of pairs are cut in the record, which says how many there are."""
_MAX_SIZES = 20
_MAX_PAIRS_DRAWN = 24
_MAX_SAMPLES = 36
_IMBALANCE = 10
_FEW_IMAGES = 10


def describe(dataset: Dataset, output: Path) -> DataRecord:
    """Measure ``dataset``; write ``splits.json`` and pictures into ``output``, which exists."""
    began = time.monotonic()
    duplicates = find_duplicates(dataset.table, dataset.classes, dataset.similar)
    crossing = groups_crossing(dataset.table)
    splits = tuple(_split_count(dataset, split) for split in ("train", "val", "test"))
    write_splits(dataset, output / "splits.json")
    plots = _draw(dataset, splits, duplicates, output)
    table = dataset.table
    return DataRecord(
        digest=dataset.digest,
        source=dataset.source,
        classes=dataset.classes,
        splits=splits,
        split_method=dataset.split_method,
        unreadable=dataset.unreadable,
        total_found=dataset.total_found,
        modes=dict(Counter(table.modes).most_common()),
        sizes=_sizes(dataset),
        width_range=(int(table.widths.min()), int(table.widths.max())),
        height_range=(int(table.heights.min()), int(table.heights.max())),
        preprocessing=dataset.spec,
        channel_mean=dataset.channels.mean,
        channel_std=dataset.channels.std,
        image_mean_std=dataset.channels.image_mean_std,
        duplicate_method=method(dataset.table, dataset.near_duplicate_bits),
        duplicates_within=tuple(duplicates.within[:MAX_LISTED]),
        duplicates_within_total=len(duplicates.within),
        leakage=tuple(duplicates.across[:MAX_LISTED]),
        leakage_total=len(duplicates.across),
        conflicting_labels=tuple(duplicates.conflicting[:MAX_LISTED]),
        conflicting_labels_total=len(duplicates.conflicting),
        groups_crossing=tuple(crossing),
        card=dataset.card,
        warnings=(
            *dataset.notes,
            *_warnings(dataset, splits),
            *_findings(dataset, duplicates, crossing),
        ),
        plots=plots,
        streamed=dataset.streamed,
        seconds=dataset.seconds + time.monotonic() - began,
    )


def write_splits(dataset: Dataset, path: Path) -> None:
    """Who is in which split, one image a line in the order of the ids, so that diffs stay small."""
    table = dataset.table
    lines = [
        canonical_json(
            {
                "id": table.ids[index],
                "label": dataset.classes[table.labels[index]],
                "sha256": table.content[index],
                "split": SPLITS[table.splits[index]],
            }
        ).decode()
        for index in sorted(range(len(table)), key=table.ids.__getitem__)
    ]
    head = {"digest": dataset.digest, "method": dataset.split_method, "seed": dataset.seed}
    start = canonical_json(head).decode()[:-1]
    write_text(path, start + ',"images":[\n' + ",\n".join(lines) + "\n]}\n")


# ---------------------------------------------------------------- counts


def _split_count(dataset: Dataset, split: Split) -> SplitCount:
    indices = dataset.split_indices(split)
    counts = np.bincount(dataset.labels(indices), minlength=len(dataset.classes))
    return SplitCount(
        split=split,
        total=len(indices),
        per_class=tuple(counts.tolist()),
        digest=dataset.split_digest(split),
    )


def _sizes(dataset: Dataset) -> dict[str, int]:
    table = dataset.table
    counts = Counter(
        f"{width}x{height}"
        for width, height in zip(table.widths.tolist(), table.heights.tolist(), strict=True)
    )
    sizes = dict(counts.most_common(_MAX_SIZES))
    rest = counts.total() - sum(sizes.values())
    return {**sizes, "other": rest} if rest else sizes


# ---------------------------------------------------------------- what a person should know


def _warnings(dataset: Dataset, splits: Sequence[SplitCount]) -> list[str]:
    classes, table, spec = dataset.classes, dataset.table, dataset.spec
    found = []
    if dataset.unreadable:
        found.append(
            f"{len(dataset.unreadable)} of {dataset.total_found} images are unreadable and left "
            f"out: {shortened([one.id for one in dataset.unreadable])}."
        )
    counts = np.array(splits[0].per_class)
    if counts.max() >= _IMBALANCE * counts.min():
        most, least = int(counts.argmax()), int(counts.argmin())
        found.append(
            f"Training images are unevenly spread: {counts[most]} of {classes[most]}, "
            f"{counts[least]} of {classes[least]}."
        )
    for split in splits[1:]:
        few = [
            f"{name} {count}"
            for name, count in zip(classes, split.per_class, strict=True)
            if count < _FEW_IMAGES
        ]
        if few:
            found.append(
                f"Fewer than {_FEW_IMAGES} {split.split} images of a class say little about it: "
                f"{shortened(few)}."
            )
    constant = [str(c) for c, value in enumerate(spec.std) if value == 1]
    if constant:
        found.append(
            f"Channel {shortened(constant)} is constant over the training split; its standard "
            "deviation is taken as 1."
        )
    smaller = int(((table.widths < spec.width) | (table.heights < spec.height)).sum())
    if smaller:
        found.append(
            f"{smaller} images are smaller than the model's input of "
            f"{spec.width}x{spec.height} and are enlarged."
        )
    return found


def _findings(dataset: Dataset, duplicates: Duplicates, crossing: Sequence[str]) -> list[str]:
    found = []
    if not dataset.similar.complete:
        found.append(
            "So many images resemble each other that some proposed near-duplicates were left "
            "unexamined; a lower data.near_duplicate_bits proposes fewer."
        )
    for pairs, where in (
        (duplicates.across, "in two splits"),
        (duplicates.within, "in one split"),
        (duplicates.conflicting, "under two labels"),
    ):
        if pairs:
            cut = f"; the record lists {MAX_LISTED:,}" if len(pairs) > MAX_LISTED else ""
            what = "pair" if len(pairs) == 1 else "pairs"
            found.append(f"Equal or nearly equal images {where}: {len(pairs):,} {what}{cut}.")
    if crossing:
        found.append(f"Groups in two splits: {len(crossing):,} ({shortened(crossing)}).")
    return found


# ---------------------------------------------------------------- pictures


def _draw(
    dataset: Dataset, splits: Sequence[SplitCount], duplicates: Duplicates, output: Path
) -> tuple[str, ...]:
    # matplotlib takes a second to import, which opening a data set need not wait for.
    from seatrial import plots

    names = ["class_balance.png", "samples.png"]
    balance: dict[str, Sequence[int]] = {split.split: split.per_class for split in splits}
    plots.class_balance(dataset.classes, balance, output / names[0])
    samples = _samples(dataset)
    plots.image_grid(
        list(dataset.pixels(samples)),
        [_caption(dataset, int(index)) for index in samples],
        output / names[1],
        title="Training images as the model sees them",
    )
    for name, pairs, title in (
        ("leakage.png", duplicates.across, "in two splits"),
        ("duplicates.png", duplicates.within, "in one split"),
        ("conflicting_labels.png", duplicates.conflicting, "under two labels"),
    ):
        if pairs:
            _draw_pairs(dataset, pairs, title, output / name)
            names.append(name)
    return tuple(names)


def _draw_pairs(dataset: Dataset, pairs: Sequence[Pair], title: str, path: Path) -> None:
    from seatrial import plots

    position = {name: index for index, name in enumerate(dataset.table.ids)}
    drawn = pairs[:_MAX_PAIRS_DRAWN]
    indices = [position[name] for pair in drawn for name in (pair.first, pair.second)]
    captions = []
    for pair in drawn:
        apart = "equal pixels" if pair.kind == "exact" else f"{pair.distance} bits apart"
        captions.append(f"{pair.first_split}, {pair.first_label}\n{pair.first}\n{apart}")
        captions.append(f"{pair.second_split}, {pair.second_label}\n{pair.second}")
    part = f", the nearest {len(drawn)}" if len(drawn) < len(pairs) else ""
    plots.image_grid(
        list(dataset.pixels(indices)),
        captions,
        path,
        title=f"Pairs {title}: {len(pairs):,}{part}",
    )


def _samples(dataset: Dataset) -> list[int]:
    """Training images in the order of their content digests, the same number of each class."""
    train = sorted(dataset.split_indices("train").tolist(), key=dataset.table.content.__getitem__)
    fitting = [each for each in (6, 3, 2) if each * len(dataset.classes) <= _MAX_SAMPLES]
    each = fitting[0] if fitting else 1
    labels = dataset.table.labels
    chosen = [
        index
        for kind in range(len(dataset.classes))
        for index in [index for index in train if labels[index] == kind][:each]
    ]
    return chosen[:_MAX_SAMPLES]


def _caption(dataset: Dataset, index: int) -> str:
    return f"{dataset.classes[dataset.table.labels[index]]}\n{dataset.table.ids[index]}"
