"""``release.json``: the published files, their digests, and where each stays for good."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from seatrial.errors import InputError
from seatrial.evidence.published_paths import RESULTS
from seatrial.evidence.records import Record
from seatrial.evidence.runs import RUNS
from seatrial.files import disk_errors, make_directory, read_json

RELEASE = f"{RESULTS}/release.json"
UNFINISHED = f"{RUNS}/.publishing.json"
"""Names the run that is being published. There without a publisher at work: it was cut short."""
_LOCK = f"{RUNS}/.publish.lock"


def _inner(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"a path inside the project required, found {name!r}")
    return name


_Inner = Annotated[str, AfterValidator(_inner)]
"""A path that stays in the project: what ``release.json`` names may be removed."""


class Release(Record):
    """What ``release.json`` says; paths are relative to the project.

    The published files are replaced one by one. Their sources never change: who wants all files
    of one release, while another may be published, reads ``release.json`` and then the sources.
    """

    run: str
    started: str = ""
    """When the run began, ISO 8601 in UTC: a release is not replaced by an earlier one."""
    release_digest: str | None
    commit: str | None
    files: dict[_Inner, str]
    """SHA-256 of each published file."""
    sources: dict[_Inner, _Inner] = Field(default_factory=dict)
    """The file in the run's folder that each one is a copy of."""


class Unfinished(Record):
    """A publication under way: its run, the digest of every file it puts in place, and what it
    removes."""

    run: str
    files: dict[_Inner, str]
    removed: tuple[_Inner, ...] = ()


def read_release(project: Path) -> Release | None:
    """The published release; None without one. Waits while another is being published.

    :raises InputError: ``release.json`` is damaged.
    """
    with turn(project, exclusive=False):
        return read_unlocked(project)


def read_unlocked(project: Path) -> Release | None:
    """As :func:`read_release`, for who holds the lock."""
    found = _read(project / RELEASE, Release)
    assert found is None or isinstance(found, Release)
    if found is not None and not found.started:
        return found.model_copy(update={"started": _started(found.run)})
    return found


def published_run(project: Path) -> str | None:
    """The id of the run that the published release came from."""
    release = read_unlocked(project)
    return None if release is None else release.run


def read_unfinished(project: Path) -> Unfinished | None:
    """The publication that is under way or was cut short; None where there is none."""
    found = _read(project / UNFINISHED, Unfinished)
    assert found is None or isinstance(found, Unfinished)
    return found


def cut_short(project: Path) -> str | None:
    """The run whose publication was cut short, so that the published files may be of two releases.

    ``seatrial finalize --resume RUN`` completes it, and so does publishing any later run.
    """
    unfinished = read_unfinished(project)
    if unfinished is None or _publisher_at_work(project):
        return None
    unfinished = read_unfinished(project)
    return None if unfinished is None else unfinished.run


@contextmanager
def turn(project: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the project's published files: alone to change them, with others to read them."""
    path = project / _LOCK
    with ExitStack() as held:
        if exclusive:
            make_directory(path.parent)
            with disk_errors(path, "lock"):
                stream = held.enter_context(path.open("a"))
                # Publishing takes a moment; a run that waits for it may have trained for hours.
                fcntl.flock(stream, fcntl.LOCK_EX)
        elif path.exists():
            with disk_errors(path, "lock"):
                fcntl.flock(held.enter_context(path.open()), fcntl.LOCK_SH)
        yield


def _publisher_at_work(project: Path) -> bool:
    path = project / _LOCK
    if not path.exists():
        return False
    with path.open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path, record_type: type[Record]) -> Any:
    if not path.exists():
        return None
    try:
        return record_type.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: not what Seatrial wrote ({where}: {first['msg']}); restore it, or remove it "
            "and publish again with seatrial gate"
        ) from None


def _started(run: str) -> str:
    """When a run began, by the stamp that its id begins with."""
    stamp = run.split("-", 1)[0]
    day, clock = stamp[:8], stamp[9:15]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}Z"
