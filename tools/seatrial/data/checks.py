"""What a data set must be before anything is made of it; each refusal is one line."""

from __future__ import annotations

from collections import Counter

import numpy as np

from seatrial.data.reading import Scan
from seatrial.data.sources.interface import SPLITS, Listing
from seatrial.data.sources.names import shortened
from seatrial.data.table import Table
from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence.records import Unreadable


def check_statistics(
    mean: tuple[float, ...] | None, std: tuple[float, ...] | None, channels: int
) -> None:
    """Configured statistics have a value a channel, of pixels divided by 255."""
    problems = []
    for key, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) != channels:
            problems.append(
                f"data.{key}: required {channels} values, one a channel, found {len(values)}"
            )
        if values is not None and not all(0 <= value <= 1 for value in values):
            problems.append(
                f"data.{key}: required values in [0, 1], of pixels divided by 255, found "
                f"{', '.join(f'{value:g}' for value in values)}"
            )
    if problems:
        raise ConfigurationError(*problems)


def check_listing(listing: Listing) -> None:
    """There are images, of at least two classes, and every label is a class."""
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


def refuse_unreadable(listing: Listing, found: Scan, most: float) -> tuple[Unreadable, ...]:
    """The unreadable images, named; refused where their share is above ``most``."""
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


def check_one_size(listing: Listing, found: Scan) -> None:
    """All images have one size, which is then the model's."""
    sizes = Counter(zip(found.widths.tolist(), found.heights.tolist(), strict=True))
    if len(sizes) > 1:
        named = [f"{width}x{height} ({count})" for (width, height), count in sizes.most_common()]
        raise InputError(
            f"{listing.origin}: the images have {len(sizes)} different sizes, {shortened(named, 3)}"
            ": set data.image_size, such as [64, 64], to the height and width the model sees"
        )


def check_every_class(listing: Listing, table: Table) -> None:
    """Every class has images in every split."""
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
