"""What one malformed input is: a project, what is wrong in it, the command, and how it must end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from seatrial.files import sha256_bytes

WARM = Path(__file__).with_name("warm.py")
CPU_SECONDS = 2
GROWTH_KB = 1 << 20
"""The most that a case may take: 2 s of processor time, 1 GiB of memory."""

Build = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One malformed input.

    In ``arguments``, ``{run}`` is the name of the project's run. ``build`` gets the project and
    spoils it; beside the project lies ``outside/`` with files that nothing may read or change.
    ``says`` are words that the complaint must contain.
    """

    name: str
    arguments: tuple[str, ...]
    code: int
    says: tuple[str, ...] = ()
    build: Build | None = None
    lines: int | None = 1
    """How many lines stderr has, each ``seatrial: …``; None: one or more."""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    stdout: str | None = None
    """Where stdout goes instead of a file; ``{closed}``: there is none."""
    encoding: str = "utf-8"
    """Of stdout."""
    folder: str = "."
    """The current folder, in the project; ``{gone}``: one that is removed before the command."""
    publishes: bool = False
    """Whether it comes to a verdict that is published; otherwise nothing outside ``runs/`` changes
    and no file of an earlier run."""
    trains: bool = False
    """Whether the training goes through, with its progress on stderr."""
    resumes: bool = False
    """Whether it goes on with an earlier run, whose files may then change."""


@dataclass(frozen=True)
class Ending:
    """How a case ended."""

    code: int
    stdout: bytes
    stderr: str
    cpu_s: float
    grown_kb: int


class WarmProcess:
    """The client of ``warm.py``: runs command lines one after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(WARM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        assert self._line() == "ready"

    def run(self, case: Case, project: Path, cpu_seconds: int = CPU_SECONDS) -> Ending:
        """Run the case's command in the project, which is built already."""
        with tempfile.TemporaryDirectory(prefix="seatrial-case-") as kept:
            out, err = Path(kept, "out"), Path(kept, "err")
            order = {
                "arguments": [text.replace("{run}", _run_in(project)) for text in case.arguments],
                "folder": str(project / case.folder),
                "encoding": case.encoding,
                "environment": self._environment(case, project.parent),
                "stdout": case.stdout or str(out),
                "stderr": str(err),
                "cpu_seconds": cpu_seconds,
            }
            self._stream("stdin").write(json.dumps(order) + "\n")
            self._stream("stdin").flush()
            answer = json.loads(self._line())
            stdout = out.read_bytes() if out.exists() else b""
            return Ending(stdout=stdout, stderr=err.read_text(), **answer)

    def close(self) -> None:
        """End the warm process."""
        self._stream("stdin").close()
        self._process.wait()

    def _environment(self, case: Case, sandbox: Path) -> dict[str, str]:
        given = {
            "HOME": str(sandbox / "home"),
            "TMPDIR": str(sandbox / "tmp"),
            "PATH": os.environ["PATH"],
            "OMP_NUM_THREADS": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **{key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ},
            **case.environment,
        }
        return {key: value for key, value in given.items() if value is not None}

    def _stream(self, name: str) -> IO[str]:
        stream: IO[str] = getattr(self._process, name)
        return stream

    def _line(self) -> str:
        line = self._stream("stdout").readline()
        assert line, "the warm process has ended"
        return line.strip()


def _run_in(project: Path) -> str:
    """The name of the seed's one run, which differs from seed to seed."""
    found = sorted(path.name for path in project.glob("runs/*Z-finalize-*"))
    return found[0] if found else "none"


def everything(folder: Path) -> dict[str, str]:
    """Every path below a folder and what is there: a digest, a link's target, or its kind."""
    found: dict[str, str] = {}
    for parent, folders, files in os.walk(os.fsencode(folder)):
        for name in (*folders, *files):
            path = os.path.join(parent, name)  # noqa: PTH118 -- names may be any bytes
            key = os.fsdecode(os.path.relpath(path, os.fsencode(folder)))
            found[key] = _what_is_at(path)
    return found


def _what_is_at(path: bytes) -> str:
    if os.path.islink(path):  # noqa: PTH114
        return f"link to {os.fsdecode(os.readlink(path))}"  # noqa: PTH115
    if os.path.isdir(path):  # noqa: PTH112
        return "folder"
    if not os.path.isfile(path):  # noqa: PTH113
        return "other"
    with open(path, "rb") as stream:  # noqa: PTH123
        return sha256_bytes(stream.read())


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    """Change a JSON file in place; what ``change`` returns takes its place unless it is None."""
    value = json.loads(path.read_bytes())
    returned = change(value)
    path.write_text(json.dumps(value if returned is None else returned))


def writes(name: str, content: bytes | str) -> Build:
    """A builder that writes one file of the project."""

    def build(project: Path) -> None:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return build
