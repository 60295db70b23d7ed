"""Puts a finished run's files in the places that people link to.

The files lie in several folders and must be real ones for git, so no single rename puts them all
in place. They are staged and synced beside their places; a durable marker names the run; then they
are renamed back to back, and once they are durable ``release.json``, last; the marker goes. After
an error everything is put back. A process that is killed in between leaves the marker, which
``seatrial status`` and ``seatrial audit`` report, and whoever publishes next completes the work.

``release.json`` is one file, replaced in one rename, and names for every file the source in the
run's folder, which never changes: who reads through it has the old release or the new one.

Exchanging whole folders (``renameat2`` with ``RENAME_EXCHANGE``) was weighed and left: ``docs/``
and ``configs/`` are the user's, so is whatever else lies in ``models/``; it would still be one
exchange a folder, and not all file systems have it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.config.final import FINAL_CONFIG
from seatrial.errors import InputError
from seatrial.evidence.reading import read_facts
from seatrial.evidence.runs import Run
from seatrial.files import (
    beside,
    clear_leftovers,
    discard,
    disk_errors,
    is_inside,
    make_directory,
    pretty_json,
    remove_file,
    sha256_file,
    swap_in,
    sync_directory,
    write_json,
    write_new,
)
from seatrial.publishing.contents import ENVELOPE, released_files
from seatrial.publishing.release import (
    RELEASE,
    UNFINISHED,
    Release,
    Unfinished,
    read_unfinished,
    read_unlocked,
    turn,
)

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Publication:
    """What publishing a run came to."""

    changed: tuple[str, ...] = ()
    """The published paths whose bytes changed."""
    superseded_by: str | None = None
    """The run that is published and began later; then nothing was written."""


def publish(run: Run) -> Publication:
    """Publish the run, unless the release of a run that began later stands there.

    Waits for its turn while another process publishes, and completes what one left unfinished.

    :raises InputError: the disk does not take a file; then the earlier release stands as it was.
    """
    sources = released_files(run, run.config())
    facts = read_facts(run)
    with turn(run.project, exclusive=True):
        earlier, unfinished = read_unlocked(run.project), read_unfinished(run.project)
        if earlier and earlier.run != run.id and earlier.started > facts.run.started:
            return Publication(superseded_by=earlier.run)
        _refuse_links_out(run.project, sources)
        ours = _ours(run.project, earlier, unfinished)
        if (run.project / FINAL_CONFIG).exists() and FINAL_CONFIG not in ours:
            sources.pop(FINAL_CONFIG, None)  # a person wrote it: it is theirs and stays
        release = Release(
            run=run.id,
            started=facts.run.started,
            release_digest=facts.release_digest,
            commit=facts.run.git.commit,
            files={name: _digest(path) for name, path in sorted(sources.items())},
            sources={
                name: path.relative_to(run.project).as_posix()
                for name, path in sorted(sources.items())
            },
        )
        begun = () if unfinished is None else (*unfinished.files, *unfinished.removed)
        _clear(run.project, {*ours, *begun, *release.files, RELEASE, UNFINISHED})
        if unfinished is not None:
            _settle(run.project, {*begun, *release.files, RELEASE})
        stale = [*sorted(ours - release.files.keys()), *_stale_signature(run.project, sources)]
        changed = _put(run.project, release, stale, unfinished)
        if changed or stale or unfinished is not None or release != earlier:
            remove_file(run.project / UNFINISHED)
    return Publication(changed)


def _refuse_links_out(project: Path, names: Collection[str]) -> None:
    """A folder to publish in may be a link, but not one that leads out of the project: whatever
    lies there is not ours to replace."""
    for folder in sorted({(project / name).parent for name in names}):
        if not is_inside(folder, project):
            raise InputError(
                f"{folder}: a folder in the project is required, but a link leads to"
                f" {os.path.realpath(folder)}; remove the link"
            )


def _ours(project: Path, earlier: Release | None, unfinished: Unfinished | None) -> set[str]:
    """The published paths whose files Seatrial put there.

    A configuration edited since is a person's. So is what stood where a publication that was cut
    short had not come to yet.
    """
    ours = set() if earlier is None else set(earlier.files)
    digests = {} if earlier is None else dict(earlier.files)
    if not _is_there(project / FINAL_CONFIG, digests.get(FINAL_CONFIG)):
        ours.discard(FINAL_CONFIG)
    put = {} if unfinished is None else unfinished.files
    return ours | {name for name, digest in put.items() if _is_there(project / name, digest)}


def _stale_signature(project: Path, sources: dict[str, Path]) -> list[str]:
    """The published envelope where it signs another statement than the one now published."""
    if not (project / ENVELOPE).exists():
        return []
    from seatrial import provenance  # late: cryptography is slow to import

    statement = sources.get(provenance.STATEMENT)
    signed = None if statement is None else statement.read_bytes()
    return [ENVELOPE] if provenance.is_stale(project / ENVELOPE, signed) else []


def _put(
    project: Path, release: Release, stale: list[str], unfinished: Unfinished | None
) -> tuple[str, ...]:
    """Bring the published files to what ``release`` says; the paths whose bytes changed."""
    changed = [
        name for name, digest in release.files.items() if not _is_there(project / name, digest)
    ]
    if not changed and not stale and _is_there_as(project, release):
        return ()
    swaps: dict[Path, Path | None] = {}
    try:
        for name in changed:
            swaps[project / name] = _staged_copy(project / release.sources[name], project / name)
        swaps |= dict.fromkeys(project / name for name in stale)
        swaps[project / RELEASE] = _staged_text(
            pretty_json(release.model_dump(mode="json")), project / RELEASE
        )
        marker = Unfinished(run=release.run, files=release.files, removed=tuple(stale))
        write_json(project / UNFINISHED, marker.model_dump(mode="json"))
    except BaseException:
        discard(swaps.values())
        _forget(project, unfinished)
        raise
    try:
        swap_in(swaps)
    except BaseException:
        _forget(project, unfinished)
        raise
    return tuple(changed)


def _forget(project: Path, unfinished: Unfinished | None) -> None:
    """Everything was put back: only a publication that was cut short before is still so."""
    with suppress(InputError):
        if unfinished is None:
            remove_file(project / UNFINISHED)
        else:
            write_json(project / UNFINISHED, unfinished.model_dump(mode="json"))


def _staged_copy(source: Path, target: Path) -> Path:
    with disk_errors(source, "read"):
        stream = source.open("rb")
    with stream:
        make_directory(target.parent)
        staged = beside(target, "new")
        with disk_errors(target):
            write_new(staged, lambda out: shutil.copyfileobj(stream, out, _CHUNK_BYTES))
    return staged


def _staged_text(text: str, target: Path) -> Path:
    make_directory(target.parent)
    staged = beside(target, "new")
    with disk_errors(target):
        write_new(staged, lambda out: out.write(text.encode()))
    return staged


def _digest(path: Path) -> str:
    with disk_errors(path, "read"):
        return sha256_file(path)


def _is_there(path: Path, digest: str | None) -> bool:
    return path.is_file() and not path.is_symlink() and _digest(path) == digest


def _is_there_as(project: Path, release: Release) -> bool:
    return read_unlocked(project) == release


def _settle(project: Path, published: set[str]) -> None:
    """Make durable what a publisher that was killed had put in place: it will not be put again."""
    for folder in sorted({(project / name).parent for name in published}):
        if folder.is_dir():
            with disk_errors(folder):
                sync_directory(folder)


def _clear(project: Path, published: set[str]) -> None:
    """Remove what a publisher that was killed had staged."""
    folders: dict[Path, set[str]] = {}
    for name in published:
        path = project / name
        folders.setdefault(path.parent, set()).add(path.name)
    for folder, names in folders.items():
        if folder.is_dir():
            clear_leftovers(folder, names)
