"""The data step: the data set as found."""

from __future__ import annotations

from typing import Literal

from seatrial.evidence.records.base import Preprocessing, Record


class SplitCount(Record):
    """How many images of each class a split holds, in the order of the classes."""

    split: Literal["train", "val", "test"]
    total: int
    per_class: tuple[int, ...]
    digest: str
    """SHA-256 over the sorted (content digest, label) of its images."""


class Unreadable(Record):
    """An image that could not be used, and why."""

    id: str
    reason: str


class Pair(Record):
    """Two images that are the same or nearly so. ``distance`` counts differing hash bits."""

    first: str
    second: str
    first_split: str
    second_split: str
    first_label: str
    second_label: str
    kind: Literal["exact", "near"]
    distance: int


class DataCard(Record):
    """What a person states about the data; absent is 'not stated'."""

    source: str = "not stated"
    licence: str = "not stated"
    consent: str = "not stated"


class DataRecord(Record):
    """The data set as found: identity, splits, description and leakage."""

    digest: str
    """SHA-256 over the sorted (id, content digest, label, split) of every usable image."""
    source: str
    classes: tuple[str, ...]
    splits: tuple[SplitCount, ...]
    split_method: str
    """How splits came about, as a phrase."""
    unreadable: tuple[Unreadable, ...]
    total_found: int
    modes: dict[str, int]
    sizes: dict[str, int]
    """Count of images by 'WIDTHxHEIGHT', the 20 most frequent, then 'other'."""
    width_range: tuple[int, int]
    height_range: tuple[int, int]
    preprocessing: Preprocessing
    """With mean and standard deviation measured on the training split, unless configured."""
    channel_mean: tuple[float, ...] = ()
    """Of the training split's pixels at the model's size, in [0, 1], measured whatever is
    configured; empty: not measured."""
    channel_std: tuple[float, ...] = ()
    """Standard deviation of the same pixels; empty: not measured."""
    image_mean_std: tuple[float, ...] = ()
    """Standard deviation, over the training images, of each image's own channel mean."""
    duplicate_method: str
    """How duplicates were looked for, as a phrase."""
    duplicates_within: tuple[Pair, ...]
    """Pairs in one split, the nearest first. This list and the next two hold at most 1,000."""
    duplicates_within_total: int = 0
    """How many such pairs there are, listed or not; so also below."""
    leakage: tuple[Pair, ...]
    """Pairs across splits: exact or near duplicates."""
    leakage_total: int = 0
    conflicting_labels: tuple[Pair, ...]
    """Pairs under two labels, in one split or in two."""
    conflicting_labels_total: int = 0
    groups_crossing: tuple[str, ...]
    card: DataCard
    warnings: tuple[str, ...]
    plots: tuple[str, ...] = ()
    streamed: bool
    seconds: float
