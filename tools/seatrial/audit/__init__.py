"""Audit: every claim of a run held against its evidence, trusting neither.

``audit`` hashes each file once (``hashing``) and holds it against its manifest (``files``,
``comparing``), follows the chain of digests (``chain``), looks at what is published
(``published``), computes figures (``figures``) and verdicts (``verdicts``) and renders documents
(``documents``) again from the evidence, and reads outcome, ledger and signature. ``remeasure`` runs
the model and its exports again; it alone needs torch and the data set.

Whatever is damaged is a finding, and the other checks go on. Nothing is written where the run lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial.audit import chain, figures, files, ledger, outcome, published, signature, verdicts
from seatrial.audit.documents import Rendered, check_documents, read_problem
from seatrial.audit.findings import Finding, Report, short
from seatrial.audit.hashing import Hashes
from seatrial.audit.steps import Steps, find_steps
from seatrial.audit.subject import Subject, find
from seatrial.audit.tree import files_below, walk
from seatrial.evidence import environment
from seatrial.evidence.facts import Facts
from seatrial.evidence.reading import read_facts
from seatrial.evidence.records import GateRecord
from seatrial.evidence.runs import RUNS
from seatrial.gates.approvals import NOBODY, Trust
from seatrial.provenance import STATEMENT

__all__ = ["Asked", "Finding", "Report", "audit"]


@dataclass(frozen=True)
class Asked:
    """What is asked of an audit beyond the run itself."""

    trust: Trust = NOBODY
    """Whose approvals the auditor counts."""
    public_key: Path | None = None
    """Whose signature the published statement must bear."""
    remeasure: bool = False
    data: Path | None = None
    """Where the data set lies, if not where the configuration says."""


def audit(project: Path, name: str | None = None, asked: Asked | None = None) -> Report:
    """Audit the published release of ``project``, or the run of an id or of a folder's path.

    :raises InputError: there is no such run; or ``asked.public_key`` is no public key.
    """
    asked = asked or Asked()
    with find(project, name) as subject:
        hashes = Hashes()
        try:
            return _Audit(subject, asked, hashes).report()
        finally:
            hashes.close()


class _Audit:
    """One audit: what several checks need, found out once."""

    def __init__(self, subject: Subject, asked: Asked, hashes: Hashes) -> None:
        self.subject = subject
        self.asked = asked
        self.hashes = hashes
        self.found: list[Finding] = list(subject.findings)
        self.shown = f"{RUNS}/{subject.run.id}"
        self.steps: Steps = find_steps(subject)
        self.origin = chain.read_origin(subject.run.folder)
        self.facts: Facts | None = None
        self.gate: GateRecord | None = None
        self.verdicts = 0
        self.remeasured: tuple[str, ...] | None = None

    def report(self) -> Report:
        self._begin_hashing()
        self.found += self.steps.findings
        self._collect("files", lambda: files.check_files(self.subject, self.steps, self.hashes))
        self._collect("chain", lambda: chain.check_chain(self.subject, self.steps, self.origin))
        self._read()
        facts, subject = self.facts, self.subject
        rendered = None
        if facts is not None:
            rendered = Rendered(facts, self.gate)
            self._collect("documents", lambda: check_documents(subject, facts, rendered))
            self._collect("figures", lambda: figures.check_figures(subject, facts, self.steps))
        self._collect("verdicts", self._check_verdicts)
        self._collect("outcome", lambda: outcome.check_outcome(subject, self.steps, self.gate))
        self._collect("ledger", lambda: ledger.check_ledger(subject, self.steps))
        if subject.published:
            self._collect(
                "published files",
                lambda: published.check_published(subject, facts, self.origin, self.hashes),
            )
        self._check_signature(rendered)
        if self.asked.remeasure:
            self._remeasure()
        return self._concluded(rendered)

    def _begin_hashing(self) -> None:
        run = self.subject.run
        paths = files_below(run.folder)
        for step in self.steps.found.values():
            if step.run != run.id:
                paths += files_below(step.folder)
        if self.subject.published:
            paths += published.published_files(self.subject, self.origin.config)
        self.hashes.begin(paths)

    def _collect(self, what: str, check: Callable[[], Iterable[Finding]]) -> None:
        """The findings of a check. One that breaks proves nothing, and the others go on."""
        try:
            for finding in check():
                self.found.append(finding)
        except Exception as error:
            message = f"{what}: {read_problem(error)}"
            self.found.append(Finding(self.shown, "not checked", self._relative(message)))

    def _read(self) -> None:
        """The facts and the gate's record, where nothing keeps who reads them waiting for ever."""
        if (blocking := self._blocking()) is not None:
            message = f"documents, figures, verdicts: {blocking} is no file that can be read"
            self.found.append(Finding(self.shown, "not checked", message))
            return
        self._collect("chain", lambda: chain.check_links(self.subject.run))
        try:
            self.facts = read_facts(self.subject.run)
        except Exception as error:  # as above
            message = f"documents, figures, verdicts: {read_problem(error)}"
            self.found.append(Finding(self.shown, "not checked", self._relative(message)))
        step = self.steps.found.get("gate")
        self.gate = None if step is None else verdicts.read_gate(step)

    def _blocking(self) -> str | None:
        """A pipe or device among what the run consists of."""
        folders = {step.folder.parent for step in self.steps.found.values()}
        for folder in sorted({self.subject.run.folder, *folders}):
            for name, entry in walk(folder).items():
                if entry.nature == "special":
                    return f"{RUNS}/{folder.name}/{name}"
        return None

    def _check_verdicts(self) -> Iterator[Finding]:
        step = self.steps.found.get("gate")
        if step is None or self.facts is None:
            return
        again = verdicts.judge_again(self.subject, self.facts, self.asked.trust, self.hashes)
        self.verdicts = len(again.items)
        yield from verdicts.check_verdicts(step, self.gate, again)

    def _check_signature(self, rendered: Rendered | None) -> None:
        if self.subject.published or self.asked.public_key is not None:
            statement = rendered.of["document"].get(STATEMENT) if rendered else None
            self.found += signature.check_signature(self.subject, statement, self.asked.public_key)

    def _remeasure(self) -> None:
        self.remeasured = ()
        if self.facts is None:
            message = "nothing can be measured again before the facts can be read"
            self.found.append(Finding(self.shown, "not checked", message))
            return
        from seatrial.audit.remeasure import Remeasurement  # late: it imports torch

        again = Remeasurement(self.subject, self.facts, self.steps, self.asked.data)
        self._collect("remeasurement", again.findings)
        self.remeasured = tuple(again.done)

    def _relative(self, message: str) -> str:
        return message.replace(f"{self.subject.run.project}/", "")

    def _concluded(self, rendered: Rendered | None) -> Report:
        return Report(
            run=self.subject.run.id,
            release_digest=self.facts.release_digest if self.facts else None,
            findings=tuple(sorted(set(self.found), key=Finding.line)),
            notes=tuple(self._notes()),
            files=self.hashes.files,
            size_bytes=self.hashes.size_bytes,
            documents=rendered.count if rendered else 0,
            verdicts=self.verdicts,
            remeasured=self.remeasured,
        )

    def _notes(self) -> Iterator[str]:
        trust = self.asked.trust
        theirs = None if self.gate is None else self.gate.signers_sha256
        if theirs is not None and theirs != trust.signers_sha256:
            ours = f"that of {short(trust.signers_sha256)}" if trust.signers_sha256 else "none"
            yield f"the gate counted approvals by the signers {short(theirs)}, the audit {ours}"
        now = environment.code_digest()
        for name in ("document", "gate"):
            step = self.steps.found.get(name)
            code = step.manifest.inputs.get("code") if step and step.manifest else None
            if code is not None and code != now:
                yield (
                    f"{name}: made by another version of Seatrial (code {code[:12]}) than audits"
                    f" (code {now[:12]}); a document or verdict may differ for that reason alone"
                )
