"""The item on quality: no critical issue is open, and no file of the release is unsafe."""

from __future__ import annotations

from pathlib import PurePosixPath

from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence import known_issues
from seatrial.evidence.facts import Facts
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.records import KnownIssue
from seatrial.files import tree_files
from seatrial.gates.archives import unsafe
from seatrial.gates.checks.case import Case
from seatrial.gates.evidence_files import Evidence
from seatrial.gates.verdicts import Finding, NotChecked, conclude, number_of, some


def release_safe(case: Case) -> Finding:
    """The team keeps its known issues, none critical is open, and loading the release runs no
    foreign code."""
    name = case.facts.config.known_issues
    issues = _issues(case.facts, case.evidence)
    if issues is not None and issues != case.facts.known_issues:
        raise NotChecked(f"{name} changed while it was judged")
    critical = [i for i in issues or () if i.severity == "critical" and i.status == "open"]
    unsafe_files = _unsafe_files(case.facts, case.evidence)
    problems, remedy = [], None
    if issues is None:
        problems.append(f"{name} did not exist when the documents were rendered")
        remedy = (
            f"Write {case.facts.config.known_issues}; with nothing known, 'issues: []' says so."
        )
    if critical:
        names = some([f"{issue.id} {issue.title}" for issue in critical])
        problems.append(f"{number_of(len(critical), 'critical issue')} open: {names}")
    if unsafe_files:
        problems.append(f"unsafe: {some(unsafe_files)}")
        remedy = remedy or "Remove the file, and run the step that made it again."
    others = sum(issue.status == "open" for issue in issues or ())
    return conclude(
        problems,
        f"no critical issue is open (others: {others}); no file is unsafe",
        measured=f"{number_of(len(critical), 'critical issue')} open,"
        f" {number_of(len(unsafe_files), 'unsafe file')}",
        bound="none",
        remedy=remedy,
    )


def _issues(facts: Facts, evidence: Evidence) -> tuple[KnownIssue, ...] | None:
    name = facts.config.known_issues
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise NotChecked(f"known_issues: {name} lies outside the repository")
    if not evidence.matching("document", known_issues.KNOWN_ISSUES):
        return None
    try:
        return known_issues.load(evidence.place("document", known_issues.KNOWN_ISSUES), name)
    except (ConfigurationError, InputError) as error:
        raise NotChecked(str(error)) from None


def _unsafe_files(facts: Facts, evidence: Evidence) -> list[str]:
    """Every file in the folders of the steps that is not what it should be, and why."""
    if not facts.steps:
        raise NotChecked("no step has run, so there are no files to look into")
    found = []
    for name in facts.steps:
        step = evidence.step(name)
        listed = {entry.path for entry in step.manifest.files}
        there = tree_files(evidence.project / step.folder)
        found += [f"{step.folder}/{path}: missing" for path in sorted(listed - set(there))]
        for path, place in there.items():
            if path == MANIFEST:
                continue
            why = unsafe(place) or (None if path in listed else "not in the step's manifest")
            if why:
                found.append(f"{step.folder}/{path}: {why}")
    return found
