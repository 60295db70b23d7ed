"""Steps as folders: fresh for every attempt, whole exactly when ``manifest.json`` exists."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from seatrial.errors import InputError
from seatrial.evidence.records import FileDigest, Manifest, RunReference
from seatrial.files import (
    disk_errors,
    make_new_directory,
    read_bytes,
    sha256_file,
    sync_directory,
    tree_files,
    write_json,
)

MANIFEST = "manifest.json"
RECORD = "record.json"


def begin(folder: Path) -> Path | None:
    """Make ``folder`` afresh for an attempt.

    An earlier attempt that died is set aside as ``<name>.attempt-N``; its new path is returned.

    :raises InputError: the step is whole already; it is never written again.
    """
    aside = None
    if (folder / MANIFEST).exists():
        raise InputError(f"{folder}: this step is whole and is not written again")
    if folder.exists():
        number = 1 + max((number for number, _ in attempts(folder)), default=0)
        aside = folder.with_name(f"{folder.name}.attempt-{number}")
        with disk_errors(folder, "set the earlier attempt aside"):
            folder.rename(aside)
            sync_directory(folder.parent)
    make_new_directory(folder)
    return aside


def attempts(folder: Path) -> list[tuple[int, Path]]:
    """The earlier attempts at a step that were set aside, by number, the first one first."""
    found = []
    for path in folder.parent.glob(f"{folder.name}.attempt-*"):
        number = path.name.rsplit("-", 1)[1]
        if number.isdecimal():
            found.append((int(number), path))
    return sorted(found)


def commit(
    folder: Path,
    step: str,
    *,
    run: RunReference,
    follows: Mapping[str, str],
    inputs: Mapping[str, str],
    started: str,
    finished: str,
) -> None:
    """Make every file in ``folder`` durable and write the manifest, last."""
    digests = []
    directories = [folder]
    for name, path in tree_files(folder).items():
        with disk_errors(path):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        digests.append(
            FileDigest(path=name, size_bytes=path.stat().st_size, sha256=sha256_file(path))
        )
        inside = len(path.relative_to(folder).parts)
        directories += path.parents[: inside - 1]
    for directory in dict.fromkeys(directories):
        with disk_errors(directory):
            sync_directory(directory)
    manifest = Manifest(
        step=step,
        run=run,
        follows=dict(follows),
        inputs=dict(inputs),
        started=started,
        finished=finished,
        files=tuple(digests),
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def settle(folder: Path) -> None:
    """Make a whole step durable before anything is built on it: the process that committed it may
    have been killed before it could, and a power cut would take the manifest away again."""
    with disk_errors(folder):
        sync_directory(folder)


def read(folder: Path) -> Manifest:
    """The manifest of a whole step.

    :raises InputError: there is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(read_bytes(path))
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InputError(f"{path}: not a manifest: {reason}; run seatrial finalize anew") from None


def changed_files(folder: Path, manifest: Manifest) -> list[str]:
    """What differs between a step's folder and its manifest, one line a file; empty if whole."""
    found = tree_files(folder)
    listed = {entry.path: entry for entry in manifest.files}
    changes = [f"{name}: added" for name in found if name not in listed and name != MANIFEST]
    for name, entry in listed.items():
        path = found.get(name)
        if path is None:
            changes.append(f"{name}: missing")
        elif path.is_symlink():
            changes.append(f"{name}: a link, not a file")
        elif path.stat().st_size != entry.size_bytes or sha256_file(path) != entry.sha256:
            changes.append(f"{name}: changed")
    return sorted(changes)
