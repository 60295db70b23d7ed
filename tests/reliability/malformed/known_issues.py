"""``known_issues.yaml``: a damaged one stops no run; the verdict on it says that it is damaged.

A new training does not begin with one: that is said before hours are spent.
"""

from __future__ import annotations

from pathlib import Path

from reliability.malformed.case import Build, Case, writes
from reliability.malformed.seed import TRAIN

NAME = "known_issues.yaml"
_ENTRY = "{id: a, title: b, severity: minor, status: open}"


def _folder(project: Path) -> None:
    (project / NAME).unlink()
    (project / NAME).mkdir()


def _link_loop(project: Path) -> None:
    (project / NAME).unlink()
    (project / NAME).symlink_to(NAME)


CONTENTS: tuple[tuple[str, bytes | str], ...] = (
    ("a word", "none known\n"),
    ("a mapping without issues", "problems: []\n"),
    ("issues that are a number", "issues: 3\n"),
    ("an entry that is a word", "issues: [night]\n"),
    ("an entry without a title", "issues: [{id: a, severity: minor, status: open}]\n"),
    ("an unknown severity", "issues: [{id: a, title: b, severity: bad, status: open}]\n"),
    ("an unknown key", "issues: [{id: a, title: b, severity: minor, status: open, by: c}]\n"),
    ("a number for a title", "issues: [{id: a, title: 3, severity: minor, status: open}]\n"),
    ("an alias", f"issues: [&a {_ENTRY}, *a]\n"),
    ("a tag", "issues: !!python/name:os.system\n"),
    ("an open bracket", "issues: [\n"),
    ("invalid UTF-8", b"issues: [\xff]\n"),
    ("too large", f"issues:\n{'# padding' * 200_000}\n"),
)
BUILDS: tuple[tuple[str, Build], ...] = (
    *((name, writes(NAME, content)) for name, content in CONTENTS),
    ("a folder in its place", _folder),
)

CASES = (
    *(Case(f"{name}, at a training", TRAIN, 2, (NAME,), build) for name, build in BUILDS[:4]),
    Case("a folder in its place, at a training", TRAIN, 3, (NAME,), _folder),
    Case("a loop of links, at a training", TRAIN, 3, (NAME,), _link_loop),
    *(
        Case(f"{name}, at the gate", ("gate",), 1, build=build, lines=0, publishes=True)
        for name, build in BUILDS
    ),
)
