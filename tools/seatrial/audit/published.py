"""The published release: ``release.json``, every file it lists, and what lies beside them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from seatrial.audit.chain import Origin
from seatrial.audit.comparing import differences, unlike_a_file
from seatrial.audit.findings import Finding, Findings
from seatrial.audit.hashing import Hashes
from seatrial.audit.subject import Subject
from seatrial.audit.tree import Entry, files_below, look, read_plain, walk
from seatrial.config.final import FINAL_CONFIG
from seatrial.config.schema import Checkpointing, Config
from seatrial.errors import SeatrialError
from seatrial.evidence.facts import Facts
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.runs import RUNS
from seatrial.files import pretty_json
from seatrial.publishing import (
    ENVELOPE,
    RELEASE,
    RESULTS,
    UNFINISHED,
    Release,
    cut_short,
    released_files,
)

MODELS = "models"
LOCK = f"{RUNS}/.publish.lock"
_OF_RUN = re.compile(rf"; it is {RUNS}/([^/]+)/")


def strict_folders(config: Config | None) -> tuple[str, ...]:
    """The folders in which nothing but the release belongs."""
    checkpointing = Checkpointing() if config is None else config.checkpointing
    return (MODELS, RESULTS, PurePosixPath(checkpointing.output_dir).as_posix())


def published_files(subject: Subject, config: Config | None) -> list[Path]:
    """Every regular file that :func:`check_published` hashes."""
    project = subject.run.project
    release = _read(project)
    listed = [] if release is None else [project / name for name in release.files]
    below = [path for name in strict_folders(config) for path in files_below(project / name)]
    return [*dict.fromkeys([*listed, *below])]


def check_published(
    subject: Subject, facts: Facts | None, origin: Origin, hashes: Hashes
) -> Findings:
    """The published files are those of the run, each a plain file, with nothing beside them.

    Without facts the run cannot say what it releases; then ``release.json`` says it alone.
    """
    project = subject.run.project
    yield from _check_marker(project)
    release = _read(project)
    if (entry := look(project / RELEASE)) is not None:
        yield from unlike_a_file(RELEASE, entry)
    if release is None:
        if subject.findings == () or subject.findings[0].kind == "changed":
            yield Finding(RELEASE, "damaged", "it is not what Seatrial wrote")
    else:
        if read_plain(project / RELEASE) != pretty_json(release.model_dump(mode="json")).encode():
            yield Finding(RELEASE, "changed", "not written as Seatrial writes it")
    sources = _sources(subject, facts)
    expected = None
    if facts is not None and sources is not None:
        expected = _expected(subject, facts, sources, hashes, release)
        if release is not None:
            yield from _check_release(release, expected)
    required = expected or release
    if required is not None:
        found = list(_check_files(subject, required, origin.config, hashes))
        yield from found
        yield from _of_another_run(found, subject)


def _check_marker(project: Path) -> Findings:
    for name in (UNFINISHED, LOCK):
        entry = look(project / name)
        if entry is not None and entry.nature != "file":
            yield Finding(name, "special", f"a file required, found: {entry.nature}")
            return
    try:
        run = cut_short(project)
    except SeatrialError:
        yield Finding(UNFINISHED, "damaged", "it is not what Seatrial wrote")
        return
    if run is not None:
        message = (
            f"publishing run {run} was cut short, so the published files may be of two releases;"
            f" seatrial finalize --resume {run}"
        )
        yield Finding(UNFINISHED, "extra", message)


def _read(project: Path) -> Release | None:
    try:
        return Release.model_validate(json.loads(read_plain(project / RELEASE) or b""))
    except (ValidationError, ValueError, RecursionError):
        return None


def _sources(subject: Subject, facts: Facts | None) -> dict[str, Path] | None:
    if facts is None:
        return None
    try:
        return released_files(subject.run, facts.config)
    except SeatrialError:
        return None


def _expected(
    subject: Subject,
    facts: Facts,
    sources: Mapping[str, Path],
    hashes: Hashes,
    release: Release | None,
) -> Release:
    """``release.json`` as it follows from the run. A configuration that a person keeps at the
    published path is left out."""
    kept = dict(sorted(sources.items()))
    if release is not None and FINAL_CONFIG not in release.files:
        kept.pop(FINAL_CONFIG, None)
    listed = {
        f"{step.folder}/{file.path}": file.sha256
        for step in facts.steps.values()
        for file in step.manifest.files
    }
    files, paths = {}, {}
    for name, path in kept.items():
        source = path.relative_to(subject.run.project).as_posix()
        # What the manifest lists, so that a change in the run is not taken over as the truth.
        files[name] = listed.get(source) or hashes.of(path) or ""
        paths[name] = source
    return Release(
        run=subject.run.id,
        started=facts.run.started,
        release_digest=facts.release_digest,
        commit=facts.run.git.commit,
        files=files,
        sources=paths,
    )


def _check_release(found: Release, expected: Release) -> Findings:
    for name in ("run", "started", "release_digest", "commit"):
        required, there = getattr(expected, name), getattr(found, name)
        if required != there:
            message = f"{name}: {required} required by run {expected.run}, found {there}"
            yield Finding(RELEASE, "changed", message)
    for what in ("files", "sources"):
        required, there = getattr(expected, what), getattr(found, what)
        for name in sorted(required.keys() | there.keys()):
            if required.get(name) != there.get(name):
                message = f"{what}: {name}: {required.get(name)} required, found {there.get(name)}"
                yield Finding(RELEASE, "changed", message)


def _check_files(
    subject: Subject, release: Release, config: Config | None, hashes: Hashes
) -> Findings:
    project = subject.run.project
    folders = strict_folders(config)
    for folder in sorted({*folders, *(str(PurePosixPath(n).parent) for n in release.files)}):
        yield from _check_folder(project, folder)
    for folder in folders:
        inside = f"{folder}/"
        listed = {
            name.removeprefix(inside): digest
            for name, digest in release.files.items()
            if name.startswith(inside)
        }
        yield from _traced(
            differences(
                listed,
                walk(project / folder),
                hashes,
                folder,
                tolerated=[
                    name.removeprefix(inside)
                    for name in (RELEASE, ENVELOPE)
                    if name.startswith(inside)
                ],
            ),
            subject,
            hashes,
        )
    for name, digest in release.files.items():
        if not any(name.startswith(f"{folder}/") for folder in folders):
            yield from _traced(_check_alone(project, name, digest, hashes), subject, hashes)


def _check_alone(project: Path, name: str, digest: str, hashes: Hashes) -> Findings:
    """A published file in a folder that is a user's as well."""
    path = PurePosixPath(name)
    found: dict[str, Entry] = {}
    if (entry := look(project / name)) is not None:
        found[path.name] = entry
    shown = path.parent.as_posix()
    for finding in differences({path.name: digest}, found, hashes, shown):
        yield Finding(finding.path.removeprefix("./"), finding.kind, finding.message)


def _check_folder(project: Path, folder: str) -> Findings:
    """No folder on the way to a published file is a link."""
    path = PurePosixPath(folder)
    for part in (path, *path.parents):
        if part != PurePosixPath(".") and (project / part).is_symlink():
            yield Finding(str(part), "link", "a folder required, a symbolic link found")


def _traced(findings: Findings, subject: Subject, hashes: Hashes) -> Findings:
    """Findings, each with the run whose file lies there instead, if another run has it."""
    for finding in findings:
        whose = None
        if finding.kind in ("changed", "extra"):
            whose = _run_with(subject, hashes.of(subject.run.project / finding.path))
        message = f"{finding.message}; it is {whose}" if whose else finding.message
        yield Finding(finding.path, finding.kind, message)


def _of_another_run(findings: list[Finding], subject: Subject) -> Findings:
    """``release.json`` itself, where the files that lie there are those of another run."""
    runs = Counter(
        found[1] for finding in findings if (found := _OF_RUN.search(finding.message)) is not None
    )
    for run, count in sorted(runs.items()):
        files = "1 published file is" if count == 1 else f"{count} published files are"
        message = f"it names run {subject.run.id}; {files} of run {run}"
        yield Finding(RELEASE, "stale", message)


def _run_with(subject: Subject, digest: str | None) -> str | None:
    """The step of another run whose manifest lists a file of that digest."""
    if digest is None:
        return None
    for path in sorted((subject.run.project / RUNS).glob(f"*/*/{MANIFEST}"), reverse=True):
        content = read_plain(path) or b""
        if path.parts[-3] != subject.run.id and digest.encode() in content:
            return _named_in(content, digest, f"{RUNS}/{path.parts[-3]}/{path.parts[-2]}")
    return None


def _named_in(content: bytes, digest: str, folder: str) -> str | None:
    try:
        files = json.loads(content)["files"]
        return next(f"{folder}/{file['path']}" for file in files if file["sha256"] == digest)
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
