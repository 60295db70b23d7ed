"""Approvals: which stakeholders must sign a release, and which have."""

from __future__ import annotations

from collections.abc import Sequence


def missing(required: Sequence[str]) -> list[str]:
    """The roles that have not signed. Nothing signs yet, so it is all of them."""
    return list(dict.fromkeys(required))
