"""Git repositories whose configuration or hooks start a program: each touches the canary."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Run git there, as a person would."""
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout


def make(folder: Path) -> Path:
    """A repository with one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "code.py").write_text("1\n")
    git(folder, "add", "code.py")
    git(folder, "commit", "-q", "-m", "first")
    for key, value in (("user.name", "t"), ("user.email", "t@localhost")):
        git(folder, "config", key, value)
    return folder


def script(folder: Path, canary: Path, rest: str = "") -> Path:
    """A program that touches the canary."""
    path = folder / f"program_{canary.name}"
    path.write_text(f"#!/bin/sh\n: > '{canary}'\n{rest}")
    path.chmod(0o755)
    return path


@dataclass(frozen=True)
class Trap:
    """A repository that starts a program."""

    name: str
    lay: Callable[[Path, Path], None]
    """Repository and program → the repository is a trap."""
    spring: tuple[tuple[str, ...], ...]
    """What of git's commands springs it."""
    rest: str = ""
    """What else the program does, so that git goes on."""


STATUS = ("status", "--porcelain")
ADD = ("add", "report.md")
COMMIT = ("commit", "-q", "-m", "report", "--", "report.md")


def _hook(name: str) -> Callable[[Path, Path], None]:
    def lay(repository: Path, program: Path) -> None:
        hook = repository / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(program.read_text())
        hook.chmod(0o755)
        (repository / "code.py").write_text("1\n")  # its time is new, so the index is refreshed

    return lay


def _config(key: str, value: str = "PROGRAM", **others: str) -> Callable[[Path, Path], None]:
    def lay(repository: Path, program: Path) -> None:
        git(repository, "config", key, value.replace("PROGRAM", str(program)))
        for other, setting in others.items():
            git(repository, "config", other.replace("_", "."), setting)

    return lay


def _hooks_path(repository: Path, program: Path) -> None:
    folder = repository / "tools"
    folder.mkdir()
    (folder / "pre-commit").write_text(program.read_text())
    (folder / "pre-commit").chmod(0o755)
    git(repository, "config", "core.hooksPath", "tools")


def _filter(kind: str) -> Callable[[Path, Path], None]:
    def lay(repository: Path, program: Path) -> None:
        (repository / ".gitattributes").write_text("*.md filter=x\n*.py filter=x\n")
        git(repository, "config", f"filter.x.{kind}", str(program))
        (repository / "code.py").write_text("2\n")

    return lay


def _included(repository: Path, program: Path) -> None:
    (repository / "settings").write_text(f'[core]\n\tfsmonitor = "{program}"\n')
    git(repository, "config", "include.path", "../settings")


def _signing(key: str) -> Callable[[Path, Path], None]:
    def lay(repository: Path, program: Path) -> None:
        git(repository, "config", key, str(program))
        git(repository, "config", "commit.gpgSign", "true")
        if ".ssh." in key:
            git(repository, "config", "gpg.format", "ssh")
            git(repository, "config", "user.signingKey", "key::ssh-ed25519 AAAA")

    return lay


def _worktree_config(repository: Path, program: Path) -> None:
    git(repository, "config", "extensions.worktreeConfig", "true")
    git(repository, "config", "--worktree", "core.fsmonitor", str(program))


ALL = (STATUS, ADD, COMMIT)
TRAPS = (
    Trap("core.fsmonitor", _config("core.fsmonitor"), (STATUS,)),
    Trap("core.fsmonitor by include.path", _included, (STATUS,)),
    Trap("core.fsmonitor of a working tree", _worktree_config, (STATUS,)),
    Trap("core.hooksPath", _hooks_path, ALL),
    Trap("hook pre-commit", _hook("pre-commit"), ALL),
    Trap("hook prepare-commit-msg", _hook("prepare-commit-msg"), ALL),
    Trap("hook commit-msg", _hook("commit-msg"), ALL),
    Trap("hook post-commit", _hook("post-commit"), ALL),
    Trap("hook post-index-change", _hook("post-index-change"), ALL),
    Trap("hook reference-transaction", _hook("reference-transaction"), ALL),
    Trap("filter clean", _filter("clean"), ALL, "cat\n"),
    Trap("filter process", _filter("process"), ALL, "cat\n"),
    Trap("gpg.program", _signing("gpg.program"), ALL, "exit 1\n"),
    Trap("gpg.ssh.program", _signing("gpg.ssh.program"), ALL, "exit 1\n"),
    Trap("diff.external", _config("diff.external"), (("diff",),)),
    Trap("diff textconv", _config("diff.x.textconv"), (("diff",),), "cat\n"),
)  # fmt: skip
"""The last two are sprung by a plain ``git diff``, which shows content; ours never does."""
