"""Items on repeating the work: everything that made the model is recorded and pinned."""

from __future__ import annotations

import re

from pydantic import ValidationError

from seatrial.config import strict_yaml
from seatrial.config.schema import Config
from seatrial.errors import ConfigurationError
from seatrial.evidence.chain import broken_links
from seatrial.evidence.facts import Facts
from seatrial.evidence.reading import RECORD_TYPES, release_digest
from seatrial.evidence.records import RunRecord
from seatrial.evidence.runs import Run
from seatrial.gates.checks.case import Case
from seatrial.gates.checks.data import described, is_digest
from seatrial.gates.checks.test import evaluated
from seatrial.gates.checks.training import chosen_checkpoint, trained
from seatrial.gates.evidence_files import Evidence
from seatrial.gates.verdicts import Finding, NotChecked, conclude, number_of, some

REQUIRED_PACKAGES = ("torch", "onnxruntime")
REQUIREMENTS = "results/production/requirements.txt"
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;,*]+)$")


def reproducible(case: Case) -> Finding:
    """Seed, configuration, checkpoint, data and commit are recorded, the tree was clean, and
    evaluating twice gave the same."""
    train, data, result = trained(case.facts), described(case.facts), evaluated(case.facts)
    run = case.facts.run
    problems = [*_run_problems(case.facts, case.evidence), *_git_problems(run)]
    seed = case.facts.config.reproducibility.seed
    if train.seed != seed:
        problems.append(f"trained with seed {train.seed}, {seed} is configured")
    checkpoint = chosen_checkpoint(train)
    if checkpoint is None or checkpoint.sha256 != result.checkpoint_sha256:
        problems.append("the evaluated checkpoint is not the recorded one")
    for what, digest in (("data set", data.digest), ("code", run.environment.code_sha256)):
        if not is_digest(digest):
            problems.append(f"no digest of the {what} is recorded")
    release = case.facts.release_digest
    if release is None or release != release_digest(case.facts.steps):
        problems.append("the release digest is not that of the manifests")
    problems += _broken_links(case.facts)
    problems += broken_links(Run(case.evidence.project, run.id), tuple(RECORD_TYPES))
    if not result.repeat_identical:
        problems.append("evaluating twice gave different numbers")
    commit = (run.git.commit or "none")[:12]
    return conclude(
        problems,
        f"commit {commit}, clean; config {run.config_sha256[:12]}; data {data.digest[:12]};"
        f" checkpoint {result.checkpoint_sha256[:12]}; seed {seed}; evaluation repeats exactly",
        measured=f"commit {commit}, {number_of(len(run.git.dirty), 'file')} not committed,"
        f" seed {train.seed}",
        remedy=_remedy(run),
    )


def _run_problems(facts: Facts, evidence: Evidence) -> list[str]:
    """Whether the run's own files still say what the facts say."""
    for step in facts.steps:
        evidence.step(step)
    problems = []
    path = evidence.outside(evidence.run_path("run.json"))
    try:
        if RunRecord.model_validate_json(path.read_bytes()) != facts.run:
            problems.append("run.json is not what the facts were read from")
    except (OSError, ValidationError):
        raise NotChecked(f"{evidence.run_path('run.json')} cannot be read") from None
    config = evidence.outside(evidence.run_path("config.yaml"), facts.run.config_sha256)
    try:
        raw, _ = strict_yaml.read(config)
        if Config.model_validate(raw) != facts.config:
            problems.append("config.yaml is not what the facts were read from")
    except (ConfigurationError, ValidationError):
        raise NotChecked(f"{evidence.run_path('config.yaml')} cannot be read") from None
    return problems


def _broken_links(facts: Facts) -> list[str]:
    """Files that a step read and that are not those which the earlier step's manifest lists."""
    listed = {
        f"{name}/{entry.path}": entry.sha256
        for name, step in facts.steps.items()
        for entry in step.manifest.files
    }
    other = [
        f"{name} read another {path}"
        for name, step in facts.steps.items()
        for path, digest in sorted(step.manifest.inputs.items())
        if path.partition("/")[0] in RECORD_TYPES and listed.get(path) != digest
    ]
    return [f"the steps do not follow from each other: {some(other)}"] if other else []


def _git_problems(run: RunRecord) -> list[str]:
    if not run.git.commit:
        return [f"no commit is recorded: {run.git.reason or 'no reason is given'}"]
    if run.git.dirty:
        files = some(run.git.dirty)
        count = number_of(len(run.git.dirty), "file")
        return [f"{count} not committed when the run began: {files}"]
    return []


def _remedy(run: RunRecord) -> str | None:
    if not run.git.commit:
        return "Keep the project in a git repository, commit, and run again."
    return "Commit or remove these files, and run again." if run.git.dirty else None


def environment_pinned(case: Case) -> Finding:
    """Every package is written down with the one version that was installed."""
    path = case.evidence.place("document", REQUIREMENTS)
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line]
    pins = {_plain(m[1]): m[2] for line in lines if (m := _PINNED.match(line))}
    loose = [line for line in lines if not _PINNED.match(line)]
    installed = {_plain(n): version for n, version in case.facts.run.environment.packages.items()}
    problems = []
    if loose:
        problems.append(f"no exact version: {some(loose)}")
    absent = [name for name in REQUIRED_PACKAGES if name not in pins]
    if absent:
        problems.append(f"not listed: {', '.join(absent)}")
    wrong = [n for n, version in pins.items() if installed.get(n) != version]
    if wrong:
        problems.append(f"not the installed version: {some(wrong)}")
    if not case.facts.run.environment.python:
        problems.append("the version of Python is not recorded")
    return conclude(
        problems,
        f"{len(pins)} packages with exact versions, Python {case.facts.run.environment.python}",
        measured=f"{len(pins)} packages pinned, {len(loose)} not",
        bound=f"all, with {' and '.join(REQUIRED_PACKAGES)} among them",
    )


def _plain(name: str) -> str:
    """A distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
