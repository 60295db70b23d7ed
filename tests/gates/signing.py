"""Real SSH keys, files of allowed signers and approvals made with them, for several tests."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.config.schema import Role
from seatrial.gates.approvals import ssh_keygen
from seatrial.gates.approvals.statement import Expected, Statement, namespace, to_bytes

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not on PATH: nothing can be signed"
)
KINDS = ("ed25519", "ecdsa", "rsa")


@dataclass(frozen=True)
class Person:
    """Somebody with a key pair, by the name that a file of allowed signers has for them."""

    name: str
    key: Path

    @property
    def public(self) -> str:
        """Kind and key, as they stand in a file."""
        return " ".join(Path(f"{self.key}.pub").read_text().split()[:2])

    def line(self, options: str = "") -> str:
        """A line of a file of allowed signers."""
        return f"{' '.join(part for part in (self.name, options, self.public) if part)}\n"


def make_person(folder: Path, name: str, kind: str = "ed25519", passphrase: str = "") -> Person:
    """A new key pair in ``folder``."""
    key = folder / f"{name}-{kind}"
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return Person(f"{name}@example.org", key)


DATE = "2026-11-20T13:59:00Z"


def statement(expected: Expected, role: Role = "technical", **changes: object) -> Statement:
    """What somebody approves, with fields changed."""
    made = expected.statement(role, note="seen", date=DATE, key_held="unprotected")
    return Statement.model_validate(made.model_dump() | changes)


def approve(
    folder: Path,
    person: Person,
    what: Statement,
    *,
    name: str | None = None,
    within: str | None = None,
) -> Path:
    """Sign ``what`` and write both files to ``folder``; the statement's path.

    :param name: of the files, instead of the role.
    :param within: the namespace, instead of the role's.
    """
    content = to_bytes(what)
    signature = ssh_keygen.sign(
        content, person.key, within or namespace(what.role), through_agent=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name or what.role}.json"
    path.write_bytes(content)
    Path(f"{path}.sig").write_bytes(signature)
    return path
