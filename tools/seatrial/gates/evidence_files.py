"""The files a verdict rests on: hashed now, once a judgement, and held against their manifests."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from seatrial.evidence.facts import Facts, StepFacts
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.records import EvidenceFile
from seatrial.evidence.runs import RUNS
from seatrial.files import sha256_file
from seatrial.gates.schema import EvidenceSpec
from seatrial.gates.verdicts import NotChecked

_STEP_ANSWERS = "the {} step has not run"


class Digests:
    """SHA-256 of the project's files as they are now, each read at most once."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self._known: dict[str, str | None] = {}

    def of(self, path: str) -> str | None:
        """Digest of the file at ``path``, relative to the project.

        None where it is missing, unreadable, or a link. A folder on the way may be a link: runs
        are large, and may lie on another disk.
        """
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> str | None:
        place = self.project / path
        if place.is_symlink() or not place.is_file():
            return None
        try:
            return sha256_file(place)
        except OSError:
            return None


class Evidence:
    """What one check reads. Every file that it touches is noted, and so is every flaw in one."""

    def __init__(self, facts: Facts, digests: Digests) -> None:
        self._facts = facts
        self._digests = digests
        self._used: dict[str, str] = {}
        self.flaws: list[str] = []
        """Files that are missing or are not what their manifest says."""

    @property
    def project(self) -> Path:
        """The root of the user's repository."""
        return self._digests.project

    @property
    def files(self) -> tuple[EvidenceFile, ...]:
        """Every file touched so far that exists, by path."""
        return tuple(EvidenceFile(path=p, sha256=d) for p, d in sorted(self._used.items()))

    def declared(self, spec: EvidenceSpec) -> None:
        """Touch every file that the checklist names for the item."""
        for patterns, required in ((spec.files, True), (spec.optional_files, False)):
            for pattern in patterns:
                source, _, rest = pattern.partition("/")
                if source in ("run", "project"):
                    self._declared_outside(source, rest, required)
                elif source in self._facts.steps or required:
                    found = self.matching(source, rest)
                    if required and not found:
                        self.flaws.append(f"{self.step(source).folder}: no file {rest}")

    def _declared_outside(self, source: str, name: str, required: bool) -> None:
        path = self.run_path(name) if source == "run" else name
        if required or self._digests.of(path) is not None:
            self.outside(path)

    def step(self, name: str) -> StepFacts:
        """The facts of a step's folder; its manifest is touched.

        :raises NotChecked: the step has not run.
        """
        if name not in self._facts.steps:
            raise NotChecked(_STEP_ANSWERS.format(name))
        step = self._facts.steps[name]
        self._touch(f"{step.folder}/{MANIFEST}", step.manifest_sha256)
        return step

    def matching(self, step: str, pattern: str) -> list[str]:
        """Paths, in the step's folder, of the files in its manifest that fit; all are touched."""
        facts = self.step(step)
        listed = [entry for entry in facts.manifest.files if fnmatchcase(entry.path, pattern)]
        for entry in listed:
            self._touch(f"{facts.folder}/{entry.path}", entry.sha256)
        return [entry.path for entry in listed]

    def digest(self, step: str, path: str) -> str | None:
        """Digest now of a file of a step; None where it is not listed or not there."""
        facts = self.step(step)
        if not self.matching(step, _literally(path)):
            return None
        return self._digests.of(f"{facts.folder}/{path}")

    def place(self, step: str, path: str) -> Path:
        """Where a listed file of a step lies.

        :raises NotChecked: the manifest does not list it, or it is missing.
        """
        folder = self.step(step).folder
        if self.digest(step, path) is None:
            raise NotChecked(f"{folder}/{path}: required, but it is missing")
        return self.project / folder / path

    def run_path(self, name: str) -> str:
        """A file of the run's own folder, relative to the project."""
        return f"{RUNS}/{self._facts.run.id}/{name}"

    def outside(self, path: str, expected: str | None = None) -> Path:
        """Touch a file that is no step's, and return its place."""
        self._touch(path, expected)
        return self.project / path

    def _touch(self, path: str, expected: str | None) -> None:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts:
            self._flaw(f"{path}: lies outside the repository")
            return
        found = self._digests.of(path)
        if found is None:
            link = (self.project / path).is_symlink()
            self._flaw(f"{path}: {'a link, not a file' if link else 'missing or unreadable'}")
            return
        self._used[path] = found
        if expected is not None and found != expected:
            self._flaw(
                f"{path}: changed since it was recorded: {expected[:12]} required,"
                f" {found[:12]} found"
            )

    def _flaw(self, flaw: str) -> None:
        if flaw not in self.flaws:
            self.flaws.append(flaw)


def _literally(path: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)
