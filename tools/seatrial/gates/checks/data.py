"""Items on the data set: no leakage, known by its digest, described, readable."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import DataRecord, Pair
from seatrial.gates.checks.case import Case
from seatrial.gates.checks.numbers import bound_of, keeps, shown_bound
from seatrial.gates.checks.recount import split_of_images
from seatrial.gates.verdicts import Finding, NotChecked, conclude, number_of, some

NOT_STATED = "not stated"
SPLITS = {"train", "val", "test"}


def described(facts: Facts) -> DataRecord:
    """The record of the data set.

    :raises NotChecked: it has not been read.
    """
    if facts.data is None:
        raise NotChecked("the data step has not run")
    return facts.data


def no_leakage(case: Case) -> Finding:
    """No image, near-duplicate or group stands in two splits."""
    data = described(case.facts)
    crossing = [pair for pair in data.conflicting_labels if pair.first_split != pair.second_split]
    problems = _incomplete(data)
    leaking = max(len(data.leakage), data.leakage_total)
    if leaking:
        problems.append(f"{number_of(leaking, 'pair')} across splits: {_names(data.leakage)}")
    if crossing:
        pairs = number_of(len(crossing), "pair")
        problems.append(f"{pairs} across splits with two labels: {_names(crossing)}")
    if data.conflicting_labels_total > len(data.conflicting_labels):
        problems.append("more conflicting labels than are listed, so some may cross splits")
    if data.groups_crossing:
        groups = some(data.groups_crossing)
        problems.append(f"groups that cross splits, {len(data.groups_crossing)}: {groups}")
    problems += [] if problems else _contradictions(data, split_of_images(case))
    proved = f"no image of one split is in another; compared: {data.duplicate_method}"
    if case.facts.train is not None and case.facts.train.trained_elsewhere:
        proved += "; what the given model was trained on is not known"
    return conclude(
        problems,
        proved,
        measured=f"{number_of(leaking, 'pair')}, {number_of(len(data.groups_crossing), 'group')}"
        " across splits",
        bound="none",
    )


def _incomplete(data: DataRecord) -> list[str]:
    problems = []
    if {split.split for split in data.splits} != SPLITS or len(data.splits) != len(SPLITS):
        problems.append("train, val and test are required, each once")
    problems += [f"the {split.split} split is empty" for split in data.splits if split.total < 1]
    for one, other in combinations(data.splits, 2):
        if one.digest == other.digest:
            problems.append(f"{one.split} and {other.split} hold the same images")
    return problems


def _contradictions(data: DataRecord, images: dict[str, dict[str, str]]) -> list[str]:
    """What ``splits.json`` says otherwise than the record: other numbers, or a shared image."""
    problems = [
        f"splits.json lists {len(images.get(s.split, {}))} images of {s.split}, not {s.total}"
        for s in data.splits
        if len(images.get(s.split, {})) != s.total
    ]
    for one, other in combinations(sorted(images), 2):
        shared = set(images[one].values()) & set(images[other].values())
        if shared:
            images_shared = number_of(len(shared), "image")
            problems.append(f"splits.json has {images_shared} in both {one} and {other}")
    return problems


def _names(pairs: Sequence[Pair]) -> str:
    signs = {"exact": "=", "near": "~"}
    return some([f"{p.first} {signs[p.kind]} {p.second}" for p in pairs])


def data_described(case: Case) -> Finding:
    """The data set has a digest, somebody says where it comes from, and it can be read."""
    data = described(case.facts)
    bound = bound_of(case.facts.config, case.item)
    problems = []
    if not is_digest(data.digest):
        problems.append("no digest identifies the data set")
    card = data.card.model_dump()
    unstated = [name for name, value in card.items() if value.strip() in ("", NOT_STATED)]
    if len(unstated) == len(card):
        problems.append(f"nobody says what the data is: {', '.join(card)} are not stated")
    if not data.plots:
        problems.append("no picture of the data was drawn")
    if data.total_found < 1:
        raise NotChecked("no image was found")
    share = len(data.unreadable) / data.total_found
    if bound is None or not keeps(share, "at most", bound):
        names = some([f"{image.id} ({image.reason})" for image in data.unreadable])
        problems.append(f"unreadable: {number_of(len(data.unreadable), 'image')}, {names}")
    proved = f"digest {data.digest[:12]}; {number_of(data.total_found, 'image')} found"
    return conclude(
        problems,
        f"{proved}; {', '.join(unstated)} not stated" if unstated else f"{proved}; card stated",
        measured=f"{len(data.unreadable):,} of {data.total_found:,} unreadable",
        bound=shown_bound(case.item, bound, "at most"),
        remedy=_remedy(unstated, card),
    )


def _remedy(unstated: list[str], card: dict[str, str]) -> str | None:
    if len(unstated) == len(card):
        return "State source, licence and consent of the data under data.card."
    return None


def is_digest(text: str) -> bool:
    """Whether ``text`` is a SHA-256 in lower-case hexadecimal digits."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
