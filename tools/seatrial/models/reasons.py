"""Another library's error as part of a line of ours."""

from __future__ import annotations

_LONGEST = 200


def reason(error: Exception) -> str:
    """The error's message on one line, cut after 200 characters; its type where it has none."""
    return (" ".join(str(error).split()) or type(error).__name__)[:_LONGEST]
