"""Make a Python environment once: ``make_environment.py FOLDER REQUIREMENT…``, as pip takes them.

Installing takes minutes, so a process of its own does it, which goes on when the caller is
stopped. A lock that dies with its holder keeps several callers from working on one folder: the
later ones wait. A finished environment says in ``.seatrial`` what it was made for, and is left
alone when the same is asked for again.

Needs nothing but Python 3.11 or later. ``SEATRIAL_INSTALLER`` names a command to run instead of
uv or pip; it gets the folder and the requirements.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

STAMP = ".seatrial"
_BEING_MADE = "being made"
_FAILED = 3
_INTERRUPTED = 130


def wanted_stamp(requirements: Sequence[str]) -> str:
    """What an environment was made for: the requirements, and what pyproject.toml asks for."""
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    digest = hashlib.sha256(project.read_bytes()).hexdigest()
    return json.dumps({"requirements": list(requirements), "pyproject_sha256": digest})


def is_ready(folder: Path, stamp: str) -> bool:
    """Whether the environment is whole, was made for just this, and its interpreter is there."""
    try:
        found = (folder / STAMP).read_text(encoding="utf-8")
    except OSError:
        return False
    return found == stamp and os.access(folder / "bin" / "python", os.X_OK)


def ensure(folder: Path, requirements: Sequence[str]) -> int:
    """Make the environment unless it is ready, and wait for it; the exit code."""
    stamp = wanted_stamp(requirements)
    if is_ready(folder, stamp):
        return 0
    log = folder.parent / f"{folder.name}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        reading = _start_worker(folder, requirements, stamp, log)
    except OSError as error:
        return _complain(f"{log.parent}: cannot write: {error.strerror}")
    sys.stderr.write(f"seatrial: making {folder}, once; takes minutes, log in {log}\n")
    sys.stderr.flush()
    try:
        succeeded = os.read(reading, 1) == b"+"
    except KeyboardInterrupt:
        sys.stderr.write("seatrial: making it goes on; run the command again to wait for it\n")
        return _INTERRUPTED
    if succeeded:
        return 0
    return _complain(f"{folder} could not be made: {_last_line(log)}; see {log}, then run again")


def _complain(message: str) -> int:
    sys.stderr.write(f"seatrial: {message}\n")
    return _FAILED


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return next((line.strip()[:300] for line in reversed(errors or lines) if line.strip()), "")


def _start_worker(folder: Path, requirements: Sequence[str], stamp: str, log: Path) -> int:
    """Start the worker; give the end of a pipe that says ``+`` on success and else just ends.

    It is no child of the caller, so that nothing that ends a tree of processes takes it along.
    """
    reading, writing = os.pipe()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(reading)
            nothing = os.open(os.devnull, os.O_RDWR)
            for source, target in ((nothing, 0), (output, 1), (output, 2)):
                os.dup2(source, target)
            _work(folder, requirements, stamp, writing)
        os._exit(0)
    os.close(writing)
    os.close(output)
    os.waitpid(middle, 0)
    return reading


def _work(folder: Path, requirements: Sequence[str], stamp: str, writing: int) -> None:
    """The worker's whole life; never returns."""
    try:
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_ready(folder, stamp):
                os.ftruncate(1, 0)
                _make(folder, requirements, lock.fileno())
                (folder / f"{STAMP}.new").write_text(stamp, encoding="utf-8")
                (folder / f"{STAMP}.new").replace(folder / STAMP)
        os.write(writing, b"+")
    except BrokenPipeError:
        pass  # the caller is gone, the environment is made
    except BaseException as error:
        os.write(2, f"error: {error}\n".encode())
    finally:
        os._exit(0)


def _make(folder: Path, requirements: Sequence[str], lock: int) -> None:
    """Install into ``folder``; what an earlier attempt left half-made is cleared first."""
    stamp = folder / STAMP
    half_made = stamp.is_file() and stamp.read_text(encoding="utf-8") == _BEING_MADE
    if half_made or not (folder / "bin" / "python").exists():
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text(_BEING_MADE, encoding="utf-8")
    attempts = _installers(folder, requirements)
    for number, commands in enumerate(attempts, 1):
        try:
            for command in commands:
                # The installer holds the lock too: it may outlive this process.
                subprocess.run(command, check=True, pass_fds=[lock])
        except (subprocess.CalledProcessError, OSError) as error:
            if number == len(attempts):
                raise
            os.write(2, f"{error}; trying the next way\n".encode())
        else:
            return


def _installers(folder: Path, requirements: Sequence[str]) -> list[list[list[str]]]:
    """Ways to install, the first that succeeds is taken; each is a list of commands."""
    if override := os.environ.get("SEATRIAL_INSTALLER"):
        return [[[*shlex.split(override), str(folder), *requirements]]]
    python = folder / "bin" / "python"
    # What stands there is kept: another version of Python would leave its packages unreachable.
    exists = python.exists()
    pip = [
        *([] if exists else [[sys.executable, "-m", "venv", str(folder)]]),
        [str(python), "-m", "pip", "install", "--disable-pip-version-check", *requirements],
    ]
    uv = shutil.which("uv")
    if uv is None:
        return [pip]
    with_uv = [
        # --seed: with pip, for the way below and for people; --allow-existing: the stamp is there
        [uv, "venv", "--quiet", "--allow-existing", "--seed", "--python", sys.executable, folder],
        [uv, "pip", "install", "--quiet", "--python", python, *requirements],
    ]
    # uv does not read pip's configuration, which may name the only index in reach.
    return [[[str(part) for part in command] for command in with_uv[exists:]], pip]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: make_environment.py FOLDER REQUIREMENT…")
    sys.exit(ensure(Path(sys.argv[1]).absolute(), sys.argv[2:]))
