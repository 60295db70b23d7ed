"""What an interrupted attempt at a training leaves to the next one.

Nothing knows the digests of its checkpoints: no manifest was written. What is compared are the
checksums that ``torch.save`` writes into the file itself and ``torch.load`` does not read. A file
of digests beside them could not change in one step with the checkpoint, so that a kill between the
two would make a whole checkpoint look damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError
from seatrial.training import checkpoints
from seatrial.training.checkpoints import BEST, CHECKPOINTS, LAST, Content, epoch_name
from seatrial.training.state import Identity


@dataclass(frozen=True)
class Carried:
    """Where training goes on from, and the checkpoints that it takes over."""

    content: Content
    files: Mapping[str, Path]
    """By the name they get; the last checkpoint comes last."""
    note: str | None
    """What was damaged, and where training goes on from instead."""


def take_up(attempt: Path | None, expected: Identity) -> Carried | None:
    """What to go on with from the folder of an interrupted attempt; None where it saved nothing.

    Where a checkpoint is damaged, the newest one is taken from which training makes the damaged
    ones again: the result is the same, bit for bit.

    :raises InputError: none of them is; or they are of another configuration or data set.
    """
    if attempt is None or not (attempt / CHECKPOINTS / LAST).exists():
        return None
    folder = attempt / CHECKPOINTS
    found = {path.name: path for path in sorted(folder.glob("*.pt"))}
    flaws = {name: flaw for name, path in found.items() if (flaw := checkpoints.flaw(path))}
    if not flaws and BEST in found:
        return Carried(_of_this_training(folder / LAST, expected), found, None)
    whole = {name: path for name, path in found.items() if name not in flaws}
    flaws |= {} if BEST in found else {BEST: "missing"}
    said = ", ".join(f"{name} ({flaw})" for name, flaw in flaws.items())
    candidates = [(_of_this_training(path, expected), path) for path in whole.values()]
    for content, path in sorted(candidates, key=lambda pair: pair[0]["step"], reverse=True):
        files = _taken_from(content, path, whole, flaws)
        if files is not None:
            where = f"{path.name}, epoch {content['sampler']['epoch']}"
            return Carried(content, files, f"{folder}: damaged: {said}; going on from {where}")
    raise InputError(
        f"{folder}: damaged: {said}; no other checkpoint there can stand in for it; "
        "restore it from a copy, or start a new run"
    )


def _of_this_training(path: Path, expected: Identity) -> Content:
    content = checkpoints.read(path)
    found = {name: content.get(name) for name in expected.content()}
    different = [name for name, value in expected.content().items() if found[name] != value]
    if different:
        raise InputError(
            f"{path}: the checkpoint of another training: {', '.join(different)} differ; "
            "resume with the configuration and data of the interrupted run, or start a new run"
        )
    return content


def _taken_from(
    content: Content, path: Path, whole: Mapping[str, Path], flaws: Mapping[str, str]
) -> dict[str, Path] | None:
    """The files to go on with from ``content``; None where it would never make a lost one again:
    that of an epoch which it has behind it."""
    if any(epoch_name(number) in flaws for number in range(1, content["epoch"] + 1)):
        return None
    files = dict(whole)
    best = content["early_stopping_state_dict"]["best_epoch"]
    if BEST in flaws and best > 0:
        if content["epoch"] != best or content["sampler"]["batch"] > 0:
            return None
        files[BEST] = path
    files.pop(LAST, None)
    return {**files, LAST: path}
