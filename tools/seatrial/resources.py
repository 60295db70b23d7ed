"""Finds what Seatrial ships beside its code, in a wheel as in a checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(kind: str) -> Path:
    """The folder of shipped ``templates``, ``checklists``, ``configs`` or ``phases``.

    In a wheel they stand in ``seatrial/shipped``; in a checkout at the root of the repository.
    """
    package = Path(str(files("seatrial")))
    installed = package / "shipped" / kind
    return installed if installed.is_dir() else package.parents[1] / kind
