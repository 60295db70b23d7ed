"""The files of a run: every step's folder against its manifest, and the run's own folder."""

from __future__ import annotations

import re

from seatrial.audit.comparing import differences, unlike_a_file
from seatrial.audit.findings import Finding, Findings, Kind
from seatrial.audit.hashing import Hashes
from seatrial.audit.steps import REFERENCE, StepFound, Steps
from seatrial.audit.subject import Subject
from seatrial.audit.tree import Entry, look, walk
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.runs import CONFIG, RECORD, RUNS
from seatrial.finalize import OUTCOME
from seatrial.steps import ORDER

_EVIDENCE = (RECORD, CONFIG, OUTCOME, *(f"{step}.{REFERENCE}" for step in ORDER))
_PASSING = ("events.jsonl", "lock", "progress.json", "console.log")
"""What a run notes for whoever looks on. No claim rests on it, and no digest covers it."""
_ATTEMPT = re.compile(rf"(?:{'|'.join(ORDER)})\.attempt-[1-9]\d*")
_LEFT = re.compile(r"\.(?P<name>.+?)(?:\.[0-9a-f]{8})?\.(?:new|earlier|tmp)")
"""What a writer that was killed leaves beside the file it was writing."""


def check_files(subject: Subject, steps: Steps, hashes: Hashes) -> Findings:
    """Every difference between a manifest and its folder, and all that does not belong there."""
    yield from _check_top(subject)
    for step in steps.found.values():
        yield from _check_step(step, hashes)


def _check_step(step: StepFound, hashes: Hashes) -> Findings:
    entry = look(step.folder)
    if entry is not None and entry.nature != "folder":
        kind: Kind = "link" if entry.nature == "link" else "special"
        yield Finding(step.shown, kind, f"a folder required, found: {entry.nature}")
        if entry.nature != "link":
            return
    found = walk(step.folder)
    if (manifest := found.get(MANIFEST)) is not None:
        yield from unlike_a_file(f"{step.shown}/{MANIFEST}", manifest)
    if step.manifest is None:
        return
    listed = {entry.path: entry.sha256 for entry in step.manifest.files}
    if len(listed) != len(step.manifest.files):
        yield Finding(f"{step.shown}/{MANIFEST}", "damaged", "it lists a file twice")
    yield from differences(listed, found, hashes, step.shown, tolerated=(MANIFEST,))
    yield from _sizes(step, found, hashes)


def _sizes(step: StepFound, found: dict[str, Entry], hashes: Hashes) -> Findings:
    """A size in the manifest that is not that of the bytes whose digest stands beside it."""
    for listed in step.manifest.files if step.manifest else ():
        entry = found.get(listed.path)
        if entry is None or hashes.of(entry.path) != listed.sha256:
            continue
        if (size := entry.path.stat().st_size) != listed.size_bytes:
            message = f"{listed.path}: {size:,} bytes required, {listed.size_bytes:,} listed"
            yield Finding(f"{step.shown}/{MANIFEST}", "damaged", message)


def _check_top(subject: Subject) -> Findings:
    run = subject.run
    for path in sorted(run.folder.iterdir()):
        entry, shown = look(path), f"{RUNS}/{run.id}/{path.name}"
        if entry is None:
            continue
        if path.name in ORDER:
            continue
        if path.name in _EVIDENCE or path.name in _PASSING:
            yield from unlike_a_file(shown, entry)
        elif _ATTEMPT.fullmatch(path.name) and entry.nature == "folder":
            continue
        elif not _is_left_over(path.name, entry):
            yield Finding(shown, "extra", f"not of a run: {entry.nature}")


def _is_left_over(name: str, entry: Entry) -> bool:
    left = _LEFT.fullmatch(name)
    return left is not None and left["name"] in (*_EVIDENCE, *_PASSING) and entry.nature == "file"
