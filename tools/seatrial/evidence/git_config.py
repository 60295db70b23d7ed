"""Keeps git from running what a repository names: its hooks, filters and programs.

A repository from a stranger can name commands that git starts on ``status``, ``add`` and
``commit``. Each is overridden here by what the user's own configuration says, or by nothing. What
the user's own configuration names, outside any repository, is theirs and stands. Not to be
overridden: ``core.worktree`` and ``include.path``, which make git read other files but start
nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git import Repo

_OWN = ("local", "worktree")
"""Scopes of a configuration that lies in the repository."""

_COMMANDS: Mapping[str, str] = {
    r"core\.fsmonitor": "false",
    r"core\.(?:sshcommand|askpass|gitproxy|alternaterefscommand)": "",
    r"core\.(?:pager|editor)|sequence\.editor": "true",
    r"(?:credential\.|credential\..*\.)helper": "",
    r"diff\.external|diff\..*\.(?:command|textconv)": "",
    r"filter\..*\.(?:clean|smudge|process)": "",
    r"filter\..*\.required": "false",
    r"gc\.recentobjectshook": "",
    r"gpg\.program|gpg\.openpgp\.program": "gpg",
    r"gpg\.x509\.program": "gpgsm",
    r"gpg\.ssh\.program": "ssh-keygen",
    r"gpg\.ssh\.defaultkeycommand": "",
    r"commit\.gpgsign": "false",
}
"""Keys that start a program or have one started, and what stands for nothing."""

_LFS = {
    "filter.lfs.clean": "git-lfs clean -- %f",
    "filter.lfs.smudge": "git-lfs smudge -- %f",
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.required": "true",
}
"""What ``git lfs install --local`` writes: the program is looked for on the user's path."""

_ALWAYS = {
    "core.hookspath": os.devnull,
    "safe.bareRepository": "explicit",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


def harmless(repository: Repo) -> dict[str, str]:
    """Variables with which git starts nothing that ``repository`` names.

    A hook runs only if the user's own configuration names its folder.
    """
    overrides = dict(_ALWAYS)
    listed = list(_listed(repository))
    users = {key: value for scope, key, value in listed if scope not in _OWN}
    overrides |= {key: users[key] for key in ("core.hookspath",) if key in users}
    theirs = [(key, value) for scope, key, value in listed if scope in _OWN]
    for key, value in [*theirs, *_of_submodules(repository)]:
        neutral = _neutral(key)
        if neutral is not None and _LFS.get(key) != value:
            overrides[key] = users.get(key, neutral)
    variables = {
        "GIT_ALLOW_PROTOCOL": "",  # what a partial clone lacks is not fetched: fetching runs ssh
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(overrides)),
    }
    for number, (key, value) in enumerate(overrides.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _neutral(key: str) -> str | None:
    return next((n for pattern, n in _COMMANDS.items() if re.fullmatch(pattern, key)), None)


def _listed(repository: Repo) -> Iterator[tuple[str, str, str]]:
    """Scope, key and value of every entry; included files count to the scope of who includes."""
    parts = repository.git.config("--list", "--show-scope", "-z").split("\0")
    for scope, entry in zip(parts[::2], parts[1::2], strict=False):
        key, _, value = entry.partition("\n")
        yield scope, _lowered(key), value


def _of_submodules(repository: Repo) -> Iterator[tuple[str, str]]:
    """The entries of submodules' own configurations, which git obeys in their folders."""
    for path in sorted((Path(repository.common_dir) / "modules").rglob("config")):
        if not (path.parent / "HEAD").is_file():
            continue
        entries = repository.git.config("--file", str(path), "--includes", "--list", "-z")
        for entry in entries.split("\0"):
            key, _, value = entry.partition("\n")
            yield _lowered(key), value


def _lowered(key: str) -> str:
    """Sections and names are told apart without regard to case, what stands between is not."""
    section, _, rest = key.partition(".")
    middle, dot, name = rest.rpartition(".")
    return f"{section.lower()}.{middle}{dot}{name.lower()}"
