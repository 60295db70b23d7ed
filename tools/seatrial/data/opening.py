"""Opens a data set: list, read once, divide into splits, measure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seatrial.config.schema import Data
from seatrial.data import splits
from seatrial.data.dataset import Dataset, MemoryPixels, PixelStore, StreamedPixels
from seatrial.data.reading import Emit, Scan, first_size, scan
from seatrial.data.sources import SOURCES
from seatrial.data.sources.interface import SPLITS, Listing, Request
from seatrial.data.sources.names import shortened
from seatrial.data.table import Table
from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence.records import DataCard, Preprocessing, Unreadable
from seatrial.machine import usable_cores


def open_dataset(data: Data, project: Path, seed: int, emit: Emit | None = None) -> Dataset:
    """List the source, read every image once, and divide them into splits.

    ``emit`` gets ``{"event": "read", "done", "total"}`` at most twice a second.

    :raises ConfigurationError: fields of ``data`` that contradict each other or the source.
    :raises InputError: absent data, too many unreadable images, a class without images in a split.
    """
    began, threads = time.monotonic(), usable_cores()
    _check_statistics(data)
    listing = SOURCES[data.source].listing(_request(data, project))
    _check_listing(listing)
    spec = _unmeasured_spec(data, listing)
    keep = _memory_for(listing, spec, data.memory_budget_mb)
    found = scan(listing.images, spec, threads=threads, keep=keep, emit=emit)
    unreadable = _unreadable(listing, found, data.max_unreadable_fraction)
    if data.image_size is None:
        _check_one_size(listing, found)
    table, method = _table(listing, found, _fractions(data), seed)
    _check_every_class(listing, table)
    spec, notes = _measured_spec(data, spec, found, table)
    store: PixelStore = (
        StreamedPixels(listing.images, spec, threads) if keep is None else MemoryPixels(keep)
    )
    return Dataset(
        table=table,
        classes=listing.classes,
        spec=spec,
        source=data.source,
        origin=listing.origin,
        seed=seed,
        split_method=method,
        streamed=keep is None,
        unreadable=unreadable,
        total_found=len(listing.ids),
        near_duplicate_bits=data.near_duplicate_bits,
        card=DataCard(**{key: text for key, text in data.card.model_dump().items() if text}),
        notes=(*listing.notes, *notes),
        seconds=time.monotonic() - began,
        images=listing.images,
        positions=found.readable,
        store=store,
    )


def _request(data: Data, project: Path) -> Request:
    for key in SOURCES[data.source].needs:
        if not getattr(data, key):
            raise ConfigurationError(f"data.{key}: required for data.source {data.source}")
    return Request(
        root=project / Path(data.root).expanduser() if data.root else None,
        dataset=data.dataset,
        group_by=data.group_by,
        path_column=data.path_column,
        label_column=data.label_column,
        split_column=data.split_column,
    )


def _fractions(data: Data) -> Sequence[float | None] | None:
    given = data.fractions
    return (given.train, given.val, given.test) if given else None


# ---------------------------------------------------------------- what is refused


def _check_statistics(data: Data) -> None:
    problems = []
    for key, values in (("mean", data.mean), ("std", data.std)):
        if values is not None and len(values) != data.channels:
            problems.append(
                f"data.{key}: required {data.channels} values, one a channel, found {len(values)}"
            )
        if values is not None and not all(0 <= value <= 1 for value in values):
            problems.append(
                f"data.{key}: required values in [0, 1], of pixels divided by 255, found "
                f"{', '.join(f'{value:g}' for value in values)}"
            )
    if problems:
        raise ConfigurationError(*problems)


def _check_listing(listing: Listing) -> None:
    if not listing.ids:
        raise InputError(f"{listing.origin}: required images, found none")
    wrong = np.flatnonzero((listing.labels < 0) | (listing.labels >= len(listing.classes)))
    if len(wrong):
        raise InputError(
            f"{listing.origin}: labels out of range 0 to {len(listing.classes) - 1}: "
            + shortened([f"{listing.ids[i]} has {listing.labels[i]}" for i in wrong])
        )
    if len(listing.classes) < 2:
        raise InputError(
            f"{listing.origin}: required at least two classes, found one: {listing.classes[0]}"
        )


def _unreadable(listing: Listing, found: Scan, most: float) -> tuple[Unreadable, ...]:
    unreadable = tuple(
        Unreadable(id=listing.ids[index], reason=why) for index, why in found.reasons.items()
    )
    share = len(unreadable) / len(listing.ids)
    if share > most or not len(found.readable):
        named = [f"{one.id}: {one.reason}" for one in unreadable]
        raise InputError(
            f"{listing.origin}: {len(unreadable)} of {len(listing.ids)} images unreadable, "
            f"{share:.2%} where data.max_unreadable_fraction allows {most:.2%}: "
            f"{shortened(named)}; mend or remove them"
        )
    return unreadable


def _check_one_size(listing: Listing, found: Scan) -> None:
    sizes = Counter(zip(found.widths.tolist(), found.heights.tolist(), strict=True))
    if len(sizes) > 1:
        named = [f"{width}x{height} ({count})" for (width, height), count in sizes.most_common()]
        raise InputError(
            f"{listing.origin}: the images have {len(sizes)} different sizes, {shortened(named, 3)}"
            ": set data.image_size, such as [64, 64], to the height and width the model sees"
        )


def _check_every_class(listing: Listing, table: Table) -> None:
    missing = [
        f"{listing.classes[kind]} from {name}"
        for split, name in enumerate(SPLITS)
        for kind in np.flatnonzero(
            np.bincount(table.labels[table.indices(split)], minlength=len(listing.classes)) == 0
        )
    ]
    if missing:
        raise InputError(
            f"{listing.origin}: classes missing from a split: {shortened(missing)}; every class "
            "needs readable images in train, val and test"
        )


# ---------------------------------------------------------------- what is made of it


def _unmeasured_spec(data: Data, listing: Listing) -> Preprocessing:
    """The specification before the statistics are known."""
    size = data.image_size
    if size is None:
        height, width = first_size(listing.images) or (1, 1)
    else:
        height, width = (size, size) if isinstance(size, int) else size
    return Preprocessing(
        height=height,
        width=width,
        channels=data.channels,
        resize=data.resize,
        interpolation=data.interpolation,
        mean=data.mean or (0.0,) * data.channels,
        std=data.std or (1.0,) * data.channels,
    )


def _memory_for(
    listing: Listing, spec: Preprocessing, budget_mb: int
) -> npt.NDArray[np.uint8] | None:
    """Room for every image's pixels, or None where they exceed the budget."""
    shape = (len(listing.ids), spec.height, spec.width, spec.channels)
    fits = int(np.prod(shape, dtype=np.int64)) <= budget_mb * 10**6
    return np.zeros(shape, dtype=np.uint8) if fits else None


def _table(
    listing: Listing, found: Scan, fractions: Sequence[float | None] | None, seed: int
) -> tuple[Table, str]:
    readable = found.readable
    groups = listing.groups and tuple(listing.groups[index] for index in readable)
    declared, labels = listing.declared[readable], listing.labels[readable]
    carving = splits.plan(declared, fractions, seed)
    assigned, method = declared.copy(), "As the source declares."
    if carving is not None:
        pool = np.flatnonzero(carving.pool)
        relations = [found.appearance, *([groups] if groups else [])]
        components = splits.together(
            len(pool), *([relation[index] for index in pool] for relation in relations)
        )
        assigned[pool] = splits.carve(
            labels[pool],
            [found.content[index] for index in pool],
            components,
            carving.shares,
            seed=seed,
            classes=listing.classes,
        )
        method = carving.method
    table = Table(
        ids=tuple(listing.ids[index] for index in readable),
        labels=labels,
        splits=assigned,
        content=found.content,
        groups=groups,
        appearance=found.appearance,
        hashes=found.hashes,
        hashable=found.hashable,
        coarse=found.coarse,
        widths=found.widths,
        heights=found.heights,
        modes=found.modes,
    )
    return table, method


def _measured_spec(
    data: Data, spec: Preprocessing, found: Scan, table: Table
) -> tuple[Preprocessing, list[str]]:
    """Mean and standard deviation of the training split, exact: sums of whole numbers."""
    train, notes = table.indices(0), []
    count = len(train) * spec.height * spec.width
    mean, std = [], []
    for channel in range(spec.channels):
        total = int(found.sums[train, channel].sum())
        squares = int(found.squares[train, channel].sum())
        mean.append(total / count / 255)
        variance = (squares * count - total * total) / count**2
        std.append(variance**0.5 / 255 if variance > 0 else 1.0)
        if variance <= 0 and data.std is None:
            notes.append(
                f"Channel {channel} is constant over the training split; its standard deviation "
                "is taken as 1."
            )
    measured = {"mean": data.mean or tuple(mean), "std": data.std or tuple(std)}
    return spec.model_copy(update=measured), notes
