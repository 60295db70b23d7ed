"""``known_issues.yaml``: what the team knows to be wrong with the model.

::

    issues:
      - {id: night, title: Photos taken at night are misjudged, severity: major, status: open}
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from seatrial.config import strict_yaml
from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence.records import KnownIssue

KNOWN_ISSUES = "known_issues.yaml"
"""In the document step's folder: the issues as they were when the documents were rendered."""


def load(path: Path, name: str | None = None) -> tuple[KnownIssue, ...] | None:
    """The issues in the file, which messages call ``name``; None where there is no file.

    :raises ConfigurationError: it is not a list of issues with id, title, severity and status.
    :raises InputError: it cannot be read.
    """
    if not os.path.lexists(path):
        return None
    name = name or str(path)
    raw, _ = strict_yaml.read(path, name)
    entries = raw.get("issues") if isinstance(raw, dict) else raw
    if not isinstance(entries, list):
        raise ConfigurationError(f"{name}: expected a list, as in issues: []")
    issues = []
    for index, entry in enumerate(entries):
        try:
            issues.append(KnownIssue.model_validate(entry))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(["issues", str(index), *map(str, problem["loc"])])
            raise ConfigurationError(f"{name}: {where}: {problem['msg']}") from None
    return tuple(issues)


def try_load(path: Path, name: str) -> tuple[tuple[KnownIssue, ...] | None, str | None]:
    """The issues and None, or None and why the file cannot be read."""
    try:
        return load(path, name), None
    except (ConfigurationError, InputError) as error:
        return None, str(error)
