"""The steps of a run as they lie there: own folders, and references to those of other runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from seatrial.audit.findings import Finding
from seatrial.audit.subject import RUN_ID, Subject
from seatrial.audit.tree import digest_plain, read_plain
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.records import Manifest
from seatrial.evidence.runs import RUNS
from seatrial.files import pretty_json, sha256_bytes
from seatrial.steps import ORDER

REFERENCE = "reused.json"
_UNTIL = {
    "train": ("data", "train"),
    "evaluate": ("data", "train", "evaluate"),
    "export": ("data", "train", "export"),
    "verify": ("data", "train", "evaluate", "export", "verify"),
    "benchmark": ("data", "train", "export", "benchmark"),
}
"""The steps that each command leaves; the others leave all."""


@dataclass(frozen=True)
class StepFound:
    """A step's folder and its manifest, if it can be read."""

    name: str
    folder: Path
    shown: str
    """The folder, relative to the project."""
    run: str
    """Whose folder it lies in."""
    manifest: Manifest | None
    manifest_sha256: str | None


@dataclass(frozen=True)
class Steps:
    """All steps of a run, and what is wrong with how they are held."""

    found: Mapping[str, StepFound]
    findings: tuple[Finding, ...]


def find_steps(subject: Subject) -> Steps:
    """Every step of the run. What cannot be read is a finding and no step."""
    found: dict[str, StepFound] = {}
    findings: list[Finding] = []
    for name in ORDER:
        step = _find(subject, name, findings)
        if step is not None:
            found[name] = _with_manifest(step, findings)
    return Steps(found, tuple(findings))


def required_steps(run: str) -> tuple[str, ...]:
    """The steps that a run leaves when it is done, by the command in its id."""
    command = run.split("-", 1)[1].rsplit("-", 1)[0]
    return _UNTIL.get(command, ORDER)


def _find(subject: Subject, name: str, findings: list[Finding]) -> StepFound | None:
    run = subject.run
    own = StepFound(name, run.folder / name, f"{RUNS}/{run.id}/{name}", run.id, None, None)
    reference = run.folder / f"{name}.{REFERENCE}"
    referred = f"{RUNS}/{run.id}/{reference.name}"
    if os.path.lexists(own.folder):
        if os.path.lexists(reference):
            message = f"the run has a step {name} of its own"
            findings.append(Finding(referred, "extra", message))
        return own
    if not os.path.lexists(reference):
        if name in required_steps(run.id):
            message = "the run has no such step, of its own or reused"
            reuses = any(run.folder.glob(f"*.{REFERENCE}"))  # then the step was reused as well
            findings.append(Finding(referred if reuses else own.shown, "missing", message))
        return None
    return _referred(subject, name, reference, referred, findings)


def _referred(
    subject: Subject, name: str, reference: Path, shown: str, findings: list[Finding]
) -> StepFound | None:
    try:
        content = read_plain(reference) or b""
        named = json.loads(content)
        run, digest = named["run"], named["manifest_sha256"]
        whole = content == pretty_json({"run": run, "manifest_sha256": digest}).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole or not isinstance(run, str) or not RUN_ID.fullmatch(run):
        message = "a run and the SHA-256 of a manifest required, as Seatrial writes them"
        findings.append(Finding(shown, "damaged", message))
        return None
    folder = subject.run.project / RUNS / run / name
    step = StepFound(name, folder, f"{RUNS}/{run}/{name}", run, None, None)
    if not folder.is_dir():
        message = f"bring the folder {step.shown} and {RUNS}/{run}/run.json: {shown} refers to it"
        findings.append(Finding(step.shown, "missing", message))
        return None
    found = digest_plain(folder / MANIFEST)
    if found is not None and found != digest:
        message = f"SHA-256 {str(digest)[:12]} required by {shown}, {found[:12]} found"
        findings.append(Finding(f"{step.shown}/{MANIFEST}", "changed", message))
        findings.append(Finding(shown, "chain", f"it refers to another {step.shown}/{MANIFEST}"))
    return step


def _with_manifest(step: StepFound, findings: list[Finding]) -> StepFound:
    path, shown = step.folder / MANIFEST, f"{step.shown}/{MANIFEST}"
    content = read_plain(path)
    if content is None:
        message = "no such file to be read, so the step's files cannot be checked"
        findings.append(Finding(shown, "missing", message))
        return step
    step = replace(step, manifest_sha256=sha256_bytes(content))
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        message = f"not a manifest, so the step's files cannot be checked: {reason}"
        findings.append(Finding(shown, "damaged", message))
        return step
    if content != pretty_json(manifest.model_dump(mode="json")).encode():
        findings.append(Finding(shown, "changed", "not written as Seatrial writes it"))
    return replace(step, manifest=manifest)
