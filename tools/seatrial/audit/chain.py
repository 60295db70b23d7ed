"""The chain: run, configuration, manifests, and what went from one step into the next."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from seatrial.audit.comparing import unlike_a_file
from seatrial.audit.findings import Finding, Findings, short
from seatrial.audit.steps import StepFound, Steps
from seatrial.audit.subject import Subject
from seatrial.audit.tree import look, read_plain
from seatrial.config import strict_yaml
from seatrial.config.schema import Config
from seatrial.config.slices import SLICES
from seatrial.errors import SeatrialError
from seatrial.evidence.chain import broken_links
from seatrial.evidence.known_issues import KNOWN_ISSUES
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.records import RunRecord
from seatrial.evidence.runs import CONFIG, RECORD, RUNS, Run
from seatrial.files import digest_of, pretty_json, sha256_bytes
from seatrial.pipeline import ABSENT
from seatrial.steps import ORDER

_PROJECT = "project"
_JUDGED_ANEW = ("waivers", "approvals")
"""Sections that ``seatrial gate`` takes as they are now."""


@dataclass(frozen=True)
class Origin:
    """What a run says of itself, as far as it can be read."""

    record: RunRecord | None
    config: Config | None


def check_chain(subject: Subject, steps: Steps, origin: Origin) -> Findings:
    """Every digest that one part of a run keeps of another."""
    own = subject.run.id
    for run in sorted({own, *(step.run for step in steps.found.values())}):
        yield from _check_origin(Run(subject.run.project, run), own=run == own)
    if origin.record is not None:
        yield from _check_made_in(subject, origin.record, origin.config)
    for step in steps.found.values():
        yield from _check_bound(step)
        yield from _check_followed(step, steps.found)
        yield from _check_inputs(step, steps.found)
        config = _config_of(step, subject, origin)
        if step.manifest is not None and config is not None:
            yield from _check_slice(step, config)


def read_origin(folder: Path) -> Origin:
    """``run.json`` and ``config.yaml`` as they lie there, for whoever can do with one of them."""
    return _parsed(read_plain(folder / RECORD) or b"", read_plain(folder / CONFIG) or b"")


@lru_cache(maxsize=32)
def _parsed(record: bytes, config: bytes) -> Origin:
    # What cannot be read is named where the chain is checked.
    run, settings = None, None
    with suppress(ValidationError):
        run = RunRecord.model_validate_json(record)
    with suppress(SeatrialError, ValueError):
        settings = Config.model_validate(strict_yaml.parse(config.decode(), CONFIG)[0])
    return Origin(run, settings)


def _check_origin(run: Run, *, own: bool) -> Findings:
    """``run.json`` and ``config.yaml`` of a run: whole, and the one that of the other.

    :param own: whether it is the run that is audited, whose folder is looked into elsewhere.
    """
    origin, contents = read_origin(run.folder), {}
    for name, parsed in ((RECORD, origin.record), (CONFIG, origin.config)):
        shown, entry = f"{RUNS}/{run.id}/{name}", look(run.folder / name)
        contents[name] = read_plain(run.folder / name)
        if entry is None:
            wanted = "no such file" if own else "bring it: steps of that run are reused"
            yield Finding(shown, "missing", wanted)
        elif not own:
            yield from unlike_a_file(shown, entry)
        if contents[name] is not None and parsed is None:
            what = "run" if name == RECORD else "configuration"
            yield Finding(shown, "damaged", f"it does not describe a {what}")
    yield from _check_record(run, origin.record, contents[RECORD], contents[CONFIG])


def _check_record(
    run: Run, record: RunRecord | None, content: bytes | None, config: bytes | None
) -> Findings:
    if record is None:
        return
    shown = f"{RUNS}/{run.id}/{RECORD}"
    if content != pretty_json(record.model_dump(mode="json")).encode():
        yield Finding(shown, "changed", "not written as Seatrial writes it")
    if record.id != run.id:
        yield Finding(shown, "chain", f"run {run.id} required, found {record.id}")
    if config is not None and sha256_bytes(config) != record.config_sha256:
        found = f"{short(record.config_sha256)} required by {RECORD}, {short(sha256_bytes(config))}"
        message = f"SHA-256 {found} found: not as the run began"
        yield Finding(f"{RUNS}/{run.id}/{CONFIG}", "changed", message)


def _check_bound(step: StepFound) -> Findings:
    """``run.json`` is still the one that the step was done under."""
    content = read_plain(step.folder.parent / RECORD)
    if step.manifest is None or content is None:
        return
    required, found = step.manifest.run.sha256, sha256_bytes(content)
    if step.manifest.run.id == step.run and required != found:
        message = f"SHA-256 {short(required)} required by {step.shown}, {short(found)} found"
        yield Finding(f"{RUNS}/{step.run}/{RECORD}", "changed", message)


def _check_followed(step: StepFound, found: Mapping[str, StepFound]) -> Findings:
    """The manifests before it are still those that the step followed."""
    for name, required in step.manifest.follows.items() if step.manifest else ():
        other = found.get(name)
        digest = None if other is None else other.manifest_sha256
        if other is not None and digest is not None and digest != required:
            message = f"SHA-256 {short(required)} required by {step.shown}, {short(digest)} found"
            yield Finding(f"{other.shown}/{MANIFEST}", "changed", message)


def _check_made_in(subject: Subject, record: RunRecord, config: Config | None) -> Findings:
    """A run that judges has the git state and environment of the run that it judges, and its
    configuration but for waivers and approvals."""
    if record.made_in is None:
        return
    shown = f"{RUNS}/{subject.run.id}/{RECORD}"
    maker = Run(subject.run.project, record.made_in.id)
    path = f"{RUNS}/{maker.id}/{RECORD}"
    content = read_plain(maker.folder / RECORD)
    if content is None:
        message = f"bring {path}: {shown} has its git state and environment from there"
        yield Finding(path, "missing", message)
        return
    if sha256_bytes(content) != record.made_in.sha256:
        required, found = short(record.made_in.sha256), short(sha256_bytes(content))
        message = f"made in run {maker.id}: run.json {required} required, {found} found"
        yield Finding(shown, "chain", message)
    made = read_origin(maker.folder)
    if config is not None and made.config is not None:
        yield from _check_same_settings(subject.run.id, config, maker.id, made.config)
    for what in ("git", "environment") if made.record is not None else ():
        if getattr(made.record, what) != getattr(record, what):
            yield Finding(shown, "chain", f"{what}: not that of run {maker.id}, which it repeats")


def _check_same_settings(run: str, config: Config, maker: str, made: Config) -> Findings:
    first, second = config.model_dump(mode="json"), made.model_dump(mode="json")
    for section in first:
        if section not in _JUDGED_ANEW and first[section] != second[section]:
            message = f"{section}: not as in run {maker}, whose release this run judges"
            yield Finding(f"{RUNS}/{run}/{CONFIG}", "chain", message)


def check_links(run: Run) -> Findings:
    """Where a manifest does not follow from ``run.json`` and the manifests before it."""
    prefix = f"{run.project}/"
    for problem in broken_links(run, ORDER):
        path, _, message = problem.replace(prefix, "").partition(": ")
        yield Finding(path, "chain", message)


def _config_of(step: StepFound, subject: Subject, origin: Origin) -> Config | None:
    """The configuration of the run that did the work; None where it is not here."""
    own = step.run == subject.run.id
    return origin.config if own else read_origin(step.folder.parent).config


def _check_slice(step: StepFound, config: Config) -> Findings:
    recorded = step.manifest.inputs.get("config") if step.manifest else None
    required = digest_of(SLICES[step.name](config))
    if recorded != required:
        message = (
            f"made with other settings than {RUNS}/{step.run}/{CONFIG} has:"
            f" {short(required)} required, {short(recorded)} recorded"
        )
        yield Finding(f"{step.shown}/{MANIFEST}", "chain", message)


def _check_inputs(step: StepFound, found: Mapping[str, StepFound]) -> Findings:
    """Files that a step read are those that the earlier steps list."""
    if step.manifest is None:
        return
    for name, digest in step.manifest.inputs.items():
        source, slash, path = name.partition("/")
        if not slash:
            continue
        if source == _PROJECT:
            yield from _check_copy(step, path, digest)
            continue
        other = found.get(source)
        if other is None or other.manifest is None:
            continue  # named as missing where the steps are looked for
        listed = next((f.sha256 for f in other.manifest.files if f.path == path), None)
        if listed != digest:
            message = f"it read another {name}: {short(digest)} read, {short(listed)} listed"
            yield Finding(f"{step.shown}/{MANIFEST}", "chain", message)


def _check_copy(step: StepFound, path: str, digest: str) -> Findings:
    """The document step keeps what it read of the project."""
    if step.name != "document" or step.manifest is None:
        return
    kept = next((f.sha256 for f in step.manifest.files if f.path == KNOWN_ISSUES), ABSENT)
    if kept != digest:
        message = f"it read another {path} than it keeps: {short(digest)}, {short(kept)}"
        yield Finding(f"{step.shown}/{MANIFEST}", "chain", message)
