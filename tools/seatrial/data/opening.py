"""Opens a data set: list, read once, divide into splits, measure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seatrial.config.schema import Data
from seatrial.data import splits
from seatrial.data.channels import channel_statistics
from seatrial.data.checks import (
    check_every_class,
    check_listing,
    check_one_size,
    check_statistics,
    refuse_unreadable,
)
from seatrial.data.dataset import Dataset, MemoryPixels, PixelStore, StreamedPixels
from seatrial.data.reading import Emit, Scan, first_size, scan
from seatrial.data.similarity import NONE_SIMILAR, Pictures, Similar, find_similar
from seatrial.data.sources import SOURCES
from seatrial.data.sources.interface import Listing, Request
from seatrial.data.statistics import moments
from seatrial.data.table import Table
from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence.records import DataCard, Preprocessing
from seatrial.machine import usable_cores


def open_dataset(data: Data, project: Path, seed: int, emit: Emit | None = None) -> Dataset:
    """List the source, read every image once, and divide them into splits.

    ``emit`` gets ``{"event": "read", "done", "total"}`` at most twice a second.

    :raises ConfigurationError: fields of ``data`` that contradict each other or the source.
    :raises InputError: absent data, too many unreadable images, a class without images in a split.
    """
    began, threads = time.monotonic(), usable_cores()
    check_statistics(data.mean, data.std, data.channels)
    listing = SOURCES[data.source].listing(_request(data, project))
    check_listing(listing)
    spec = _unmeasured_spec(data, listing)
    keep = _memory_for(listing, spec, data.memory_budget_mb)
    found = scan(listing.images, spec, threads=threads, keep=keep, emit=emit)
    unreadable = refuse_unreadable(listing, found, data.max_unreadable_fraction)
    if data.image_size is None:
        check_one_size(listing, found)
    similar = _similar(listing, found, data.near_duplicate_bits, threads)
    table, method = _divided(listing, found, similar, _fractions(data), seed)
    check_every_class(listing, table)
    spec = _measured(data, spec, found, table)
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
        similar=similar,
        card=DataCard(**{key: text for key, text in data.card.model_dump().items() if text}),
        notes=listing.notes,
        seconds=time.monotonic() - began,
        images=listing.images,
        positions=found.readable,
        store=store,
        channels=channel_statistics(
            found.sums[train := table.indices(0)], found.squares[train], spec.height * spec.width
        ),
    )


def _request(data: Data, project: Path) -> Request:
    for key in SOURCES[data.source].needs:
        if not getattr(data, key):
            raise ConfigurationError(f"data.{key}: required for data.source {data.source}")
    return Request(
        root=_root(data.root, project) if data.root else None,
        dataset=data.dataset,
        group_by=data.group_by,
        path_column=data.path_column,
        label_column=data.label_column,
        split_column=data.split_column,
    )


def _root(text: str, project: Path) -> Path:
    try:
        return project / Path(text).expanduser()
    except RuntimeError:
        raise InputError(f"data.root: {text}: there is no such home folder") from None


def _fractions(data: Data) -> Sequence[float | None] | None:
    given = data.fractions
    return (given.train, given.val, given.test) if given else None


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


def _similar(listing: Listing, found: Scan, bits: int | None, threads: int) -> Similar:
    """Pictures that resemble each other, as positions among the readable images."""
    _, first = np.unique(np.array(found.appearance, dtype=np.str_), return_index=True)
    chosen = np.sort(first[found.hashable[first]])
    if bits is None or not len(chosen):
        return NONE_SIMILAR
    positions = found.readable[chosen]
    pictures = Pictures(
        hashes=found.hashes[chosen],
        coarse=found.coarse[chosen],
        labels=listing.labels[positions],
        sides=np.minimum(found.widths, found.heights)[chosen],
        image=lambda position: listing.images.image(int(positions[position])),
    )
    similar = find_similar(pictures, bits, threads)
    return replace(similar, pairs=chosen[similar.pairs])


def _divided(
    listing: Listing,
    found: Scan,
    similar: Similar,
    fractions: Sequence[float | None] | None,
    seed: int,
) -> tuple[Table, str]:
    readable = found.readable
    groups = listing.groups and tuple(listing.groups[index] for index in readable)
    declared, labels = listing.declared[readable], listing.labels[readable]
    carving = splits.plan(declared, fractions, seed)
    assigned, method = declared.copy(), "as the source declares"
    if carving is not None:
        method = carving.method
        relations = (found.appearance, *((groups,) if groups else ()))
        together = splits.together(len(readable), similar.pairs, *relations)
        pool = np.flatnonzero(carving.pool)
        assigned[pool] = splits.carve(
            labels[pool],
            [found.content[index] for index in pool],
            together[pool],
            carving.shares,
            seed=seed,
            classes=listing.classes,
        )
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


def _measured(data: Data, spec: Preprocessing, found: Scan, table: Table) -> Preprocessing:
    """The specification with the training split's statistics where none are configured."""
    train = table.indices(0)
    mean, std = moments(found.sums[train], found.squares[train], spec.height * spec.width)
    return spec.model_copy(update={"mean": data.mean or mean, "std": data.std or std})
