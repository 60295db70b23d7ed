"""A CSV file that names images: path, label, and optionally split and group.

Paths are relative to the CSV's folder and may not leave it.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np

from seatrial.data.sources.images import FileImages
from seatrial.data.sources.interface import SPLIT_ALIASES, UNDECLARED, Listing, Request
from seatrial.data.sources.names import image_id, ordered, shortened
from seatrial.errors import InputError
from seatrial.files import is_inside, reason_of

_Row = tuple[int, dict[str, str]]
"""The line in the file, and the cells by column."""


def listing(request: Request) -> Listing:
    """Every row of ``request.root``, in the order of the paths.

    :raises InputError: no such file, not CSV in UTF-8, a column missing, a path that leaves the
        folder or is named twice, an empty label, a split of an unknown name.
    """
    root = request.root
    if root is None or not root.is_file():
        raise InputError(f"data.root: required a CSV file, but {root} is none")
    rows = _rows(root, _wanted_columns(request))
    ids = _ids(root, rows, request.path_column)
    order = sorted(range(len(rows)), key=ids.__getitem__)
    labels = [_cell(root, rows[i], request.label_column) for i in order]
    classes = ordered(labels)
    position = {name: index for index, name in enumerate(classes)}
    cells = [rows[i][1] for i in order]
    group_by = request.group_by
    return Listing(
        origin=str(root),
        classes=classes,
        ids=tuple(ids[i] for i in order),
        labels=np.array([position[label] for label in labels], dtype=np.int64),
        declared=_declared(root, [rows[i] for i in order], request.split_column),
        images=FileImages([root.parent / row[request.path_column].strip() for row in cells]),
        groups=tuple(row[group_by].strip() or None for row in cells) if group_by else None,
    )


def _wanted_columns(request: Request) -> dict[str, str]:
    """Each column that must be there, and the key of the configuration that says so."""
    wanted = {
        request.path_column: "data.path_column",
        request.label_column: "data.label_column",
    }
    if request.group_by:
        wanted[request.group_by] = "data.group_by"
    return wanted


def _rows(root: Path, wanted: dict[str, str]) -> list[_Row]:
    try:
        with root.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="", strict=True)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            twice = [name for name, times in Counter(columns).items() if times > 1]
            if twice:
                raise InputError(f"{root}: columns that stand twice: {shortened(twice)}")
            for column, key in wanted.items():
                if column not in columns:
                    raise InputError(
                        f"{root}: {key} names the column {column!r}, but there are "
                        f"{shortened(columns, 20) or 'none'}"
                    )
            rows = []
            for row in reader:
                if None in row:
                    raise InputError(
                        f"{root}, line {reader.line_num}: required {len(columns)} cells, found more"
                    )
                rows.append((reader.line_num, row))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{root}: not readable as CSV in UTF-8: {error}") from None
    except OSError as error:
        raise InputError(f"{root}: cannot read: {reason_of(error)}") from None
    if not rows:
        raise InputError(f"{root}: required at least one row, found none")
    return rows


def _ids(root: Path, rows: list[_Row], column: str) -> list[str]:
    ids, folder = [], root.parent.resolve()
    for row in rows:
        text = _cell(root, row, column)
        path = Path(text)
        if path.is_absolute() or "\0" in text or not is_inside(folder / path, folder):
            raise InputError(
                f"{root}, line {row[0]}: the path {text!r} leaves the folder of the CSV file; "
                "name images below it, relative to it"
            )
        ids.append(image_id(Path(os.path.normpath(path))))
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise InputError(f"{root}: named more than once: {shortened(sorted(twice))}")
    return ids


def _cell(root: Path, row: _Row, column: str) -> str:
    value = (row[1][column] or "").strip()
    if not value:
        raise InputError(f"{root}, line {row[0]}: required a {column}, found an empty cell")
    return value


def _declared(
    root: Path, rows: list[_Row], column: str
) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    names = [(row[1].get(column) or "").strip().lower() for row in rows]
    if any(names):
        for (line, _), name in zip(rows, names, strict=True):
            if name not in SPLIT_ALIASES:
                raise InputError(
                    f"{root}, line {line}: {column} must be train, val or test where any row "
                    f"says so, found {name!r}"
                )
    return np.array([SPLIT_ALIASES.get(name, UNDECLARED) for name in names], dtype=np.int8)
