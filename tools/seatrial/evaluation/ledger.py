"""The test ledger: how often a project's test sets have been looked at.

Every look at a test set that leads to a choice makes its next figure a little too good. The ledger
lies in git, one line for each distinct pair of weights and test set that was ever evaluated.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from seatrial.errors import InputError
from seatrial.evidence.records import Record
from seatrial.files import (
    clear_leftovers,
    disk_errors,
    make_directory,
    read_bytes,
    sync_directory,
    write_text,
)

LEDGER = "results/test_ledger.jsonl"
"""Relative to the project."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LedgerEntry(Record):
    """One line: digests of weights and test set, the run that evaluated them first, and when."""

    weights: Digest
    test_set: Digest
    run: str
    date: str


def read_ledger(path: Path) -> tuple[LedgerEntry, ...]:
    """All entries in order; none where there is no file yet.

    :raises InputError: naming the first line that is not an entry.
    """
    if not path.exists():
        return ()
    content = read_bytes(path)
    entries = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entries.append(LedgerEntry.model_validate_json(line))
        except ValidationError as error:
            problem = error.errors()[0]
            field = ".".join(str(part) for part in problem["loc"]) or "line"
            raise InputError(
                f"{path}, line {number}: required weights, test_set, run and date as JSON, found "
                f"otherwise ({field}: {problem['msg']}); restore the line from git"
            ) from None
    return tuple(entries)


def count_in_ledger(path: Path) -> int:
    """Distinct pairs of weights and test set; raises as :func:`read_ledger`."""
    return len({(entry.weights, entry.test_set) for entry in read_ledger(path)})


def record_in_ledger(path: Path, *, weights: str, test_set: str, run: str, date: str) -> int:
    """Add the pair of ``weights`` and ``test_set`` (SHA-256 each) unless it is there, atomically;
    the count of distinct pairs, this one included.

    Two processes that record at once both count. Earlier lines keep their bytes.

    :raises InputError: for a ledger that is damaged or cannot be written.
    """
    entry = LedgerEntry(weights=weights, test_set=test_set, run=run, date=date)
    make_directory(path.parent)
    with _alone(path.parent):
        clear_leftovers(path.parent, [path.name])
        with disk_errors(path):
            sync_directory(path.parent)  # a line that is there may be of a process killed just now
        known = {(one.weights, one.test_set) for one in read_ledger(path)}
        if (weights, test_set) not in known:
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            if before and not before.endswith("\n"):
                before += "\n"
            line = json.dumps(entry.model_dump(), ensure_ascii=False)
            write_text(path, f"{before}{line}\n")
        return len(known | {(weights, test_set)})


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder, which leaves no file behind."""
    with disk_errors(folder, "lock"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
