"""Git repositories that are damaged, empty, or set up to do harm, around the project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from reliability.malformed.case import Build, Case
from reliability.malformed.seed import TRAIN


def _git(project: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
    subprocess.run(command, cwd=project, check=True, capture_output=True)


def _repository(project: Path) -> None:
    _git(project, "init", "--quiet", "--initial-branch", "main")
    _git(project, "add", "config.yaml")
    _git(project, "commit", "--quiet", "--message", "begin")


def _spoiled(name: str, content: bytes | None) -> Build:
    """A file of ``.git`` gets other content, or goes with all below it."""

    def build(project: Path) -> None:
        _repository(project)
        path = project / ".git" / name
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return build


def _objects_of_noise(project: Path) -> None:
    _repository(project)
    for path in (project / ".git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"noise")


def _detached(project: Path) -> None:
    _repository(project)
    _git(project, "checkout", "--quiet", "--detach")


def _file_for_git(project: Path) -> None:
    (project / ".git").write_text("gitdir: /nowhere/at/all\n")


def _hostile_commands(project: Path) -> None:
    """Settings that git would run: the mark is left outside if one does."""
    _repository(project)
    mark = project.parent / "outside" / "mark"
    for key in ("core.fsmonitor", "core.sshCommand", "core.editor", "diff.external"):
        _git(project, "config", key, f"touch '{mark}'; false")


def _odd_names(project: Path) -> None:
    _repository(project)
    for name in ("a\nb.txt", "-rf", "--output=x", "é.txt", "$(id).txt"):
        (project / name).write_text("x")


def _named(name: str, build: Build, *says: str) -> Case:
    """The repository is there and cannot be read: that is said, and no run begins."""
    return Case(name, TRAIN, 3, (*says, "git"), build)


def _taken(name: str, build: Build) -> Case:
    return Case(name, TRAIN, 0, (), build, lines=None, trains=True)


CASES = (
    _taken("no commit yet", lambda p: _git(p, "init", "--quiet")),
    _taken("a detached head", _detached),
    _taken("files of odd names", _odd_names),
    _taken("a head of noise", _spoiled("HEAD", b"\xff\xfe\n")),
    _taken("no head", _spoiled("HEAD", None)),
    _taken("a file that leads nowhere", _file_for_git),
    _taken("a branch that is gone", _spoiled("refs/heads/main", None)),
    _taken("settings that run commands", _hostile_commands),
    _taken("a branch of noise", _spoiled("refs/heads/main", b"noise\n")),
    _taken("a branch to no commit", _spoiled("refs/heads/main", b"0" * 39 + b"1\n")),
    _named("an index of noise", _spoiled("index", b"noise")),
    _named("settings of noise", _spoiled("config", b"[\xff")),
    _taken("objects of noise", _objects_of_noise),
    _taken("no folder of objects", _spoiled("objects/info", None)),
)
