"""The state of the user's git repository, and committing published documents to it."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.errors import InputError
from seatrial.evidence import git_config
from seatrial.evidence.records import Lineage

if TYPE_CHECKING:
    from git import GitCommandError, Repo


def describe(project: Path, published: Sequence[str]) -> Lineage:
    """Commit, branch and dirty files of the repository around ``project``.

    ``published`` are the paths that Seatrial itself writes, relative to the project: files or
    folders (with a slash at the end). They do not count as dirty.
    """
    repository = _repository(project)
    if repository is None:
        return Lineage(commit=None, branch=None, dirty=(), reason="not a git repository")
    with repository, repository.git.custom_environment(**_harmless(repository)):
        if not repository.head.is_valid():
            begun = any(Path(repository.common_dir, "refs", "heads").rglob("*"))
            reason = "the commit at HEAD cannot be read" if begun else "no commit yet"
            return Lineage(commit=None, branch=None, dirty=(), reason=reason)
        branch = None if repository.head.is_detached else repository.active_branch.name
        dirty = tuple(
            path
            for path in _dirty(repository)
            if not _is_published(path, repository, project, published)
        )
        return Lineage(commit=repository.head.commit.hexsha, branch=branch, dirty=dirty)


def commit_files(project: Path, paths: Sequence[str], message: str) -> str | None:
    """Commit ``paths`` (relative to the project), and only them; the commit, or None if unchanged.

    Hooks and programs that the repository names do not run; see
    :mod:`seatrial.evidence.git_config`.

    :raises InputError: no repository, or git refused (no identity).
    """
    from git import GitCommandError

    repository = _repository(project)
    if repository is None:
        raise InputError(f"{project}: not a git repository, so nothing can be committed; git init")
    with repository, repository.git.custom_environment(**_harmless(repository)):
        absolute = [str(project / path) for path in paths]
        try:
            repository.git.add("--", *absolute)
            names = ("--cached", "--name-only", "--no-ext-diff", "--no-textconv")
            if not repository.git.diff(*names, "--", *absolute):
                return None
            repository.git.commit("--quiet", "-m", message, "--", *absolute)
        except GitCommandError as error:
            raise InputError(f"git commit: {_reason(error)}") from None
        return str(repository.head.commit.hexsha)


def _reason(error: GitCommandError) -> str:
    """What git says is wrong, in one line, without its advice."""
    said = (error.stderr or "").strip().removeprefix("stderr: '").removesuffix("'").splitlines()
    lines = [line.strip() for line in said if line.strip() and not line.startswith("hint:")]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return " ".join(fatal[-1:] or lines) or str(error.status)


def holds(project: Path, path: Path) -> bool:
    """Whether ``path``, with no link in it, lies in the project, in the working tree or git folder
    of the repository around it, or in another working tree of that repository."""
    folders = {project.resolve()}
    repository, other = _repository(project), _repository(path.parent)
    if repository is not None:
        with repository:
            folders |= {Path(repository.common_dir).resolve(), Path(repository.git_dir).resolve()}
            if repository.working_tree_dir is not None:
                folders.add(Path(repository.working_tree_dir).resolve())
    if other is not None:
        with other:
            if Path(other.common_dir).resolve() in folders:
                return True
    return any(path.is_relative_to(folder) for folder in folders)


def _repository(project: Path) -> Repo | None:
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo

    # The folder named .git, and not the project itself where that looks like a bare repository:
    # a clone can bring such files along, with a configuration of its own.
    places = (folder / ".git" for folder in (project, *project.resolve().parents))
    found = next((place for place in places if place.exists()), None)
    if found is None:
        return None
    try:
        return Repo(found if found.is_dir() else found.parent)
    except (InvalidGitRepositoryError, NoSuchPathError):
        return None
    except (ValueError, OSError, configparser.Error) as error:
        raise _unreadable(project, error) from None


def _harmless(repository: Repo) -> dict[str, str]:
    from git import GitCommandError

    try:
        return git_config.harmless(repository)
    except (GitCommandError, ValueError, OSError, configparser.Error) as error:
        raise _unreadable(Path(repository.common_dir), error) from None


def _unreadable(place: Path, error: Exception) -> InputError:
    told = " ".join(str(getattr(error, "stderr", "") or error).split())
    return InputError(
        f"{place}: the git repository cannot be read: {told}; mend it, so that the run can name"
        " its commit"
    )


def _dirty(repository: Repo) -> list[str]:
    # Entries are NUL-separated: two status letters, a space, the path; renames add the old path.
    from git import GitCommandError

    try:
        told = repository.git.status("--porcelain", "-z", "--untracked-files=all")
    except GitCommandError as error:
        reason = " ".join((error.stderr or "").split())
        raise InputError(
            f"{repository.working_tree_dir}: git status: {reason or error.status}; mend the"
            " repository, so that the run can name its commit"
        ) from None
    entries = told.split("\0")
    found, index = [], 0
    while index < len(entries):
        entry = entries[index]
        if entry:
            found.append(entry[3:])
        index += 2 if entry[:1] in ("R", "C") else 1
    return sorted(found)


def _is_published(path: str, repository: Repo, project: Path, published: Sequence[str]) -> bool:
    absolute = Path(str(repository.working_tree_dir)) / path
    if not absolute.is_relative_to(project.resolve()):
        return False
    relative = absolute.relative_to(project.resolve()).as_posix()
    return any(
        relative.startswith(name) if name.endswith("/") else relative == name for name in published
    )
