"""Names of classes, images and groups, the same in every source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from seatrial.errors import ConfigurationError


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Distinct names in order: by number where all are whole numbers, else alphabetical."""
    distinct = sorted(set(names))
    if all(re.fullmatch(r"-?[0-9]{1,18}", name) for name in distinct):
        distinct.sort(key=int)
    return tuple(distinct)


def image_id(path: PurePath) -> str:
    """A relative path as an id: POSIX, and printable where a name is not valid UTF-8."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode()


def numbered(prefix: str, count: int) -> list[str]:
    """``prefix/00000`` … for ``count`` images without names; wide enough to sort by text."""
    width = max(5, len(str(max(count - 1, 0))))
    return [f"{prefix}/{index:0{width}d}" for index in range(count)]


def shortened(names: Sequence[str], most: int = 5) -> str:
    """At most ``most`` names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def groups_by_pattern(ids: Sequence[str], pattern: str) -> tuple[str | None, ...]:
    """The group of each id: what the pattern's one group matches; None where nothing does.

    :raises ConfigurationError: not a pattern, not exactly one group, or it matches no id at all.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"data.group_by: required a regular expression, found {pattern!r}: {error}"
        ) from None
    if compiled.groups != 1:
        raise ConfigurationError(
            f"data.group_by: required a regular expression with one group, found {pattern!r} "
            f"with {compiled.groups}; mark the group's name with one pair of parentheses"
        )
    found = [compiled.search(name) for name in ids]
    if ids and not any(found):
        raise ConfigurationError(
            f"data.group_by: {pattern!r} matches none of {len(ids)} images, such as {ids[0]}"
        )
    return tuple(match.group(1) if match else None for match in found)
