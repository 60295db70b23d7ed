"""The whole job: from a configuration to a published release and its verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial import pipeline, publishing, steps
from seatrial.config import slices
from seatrial.config.schema import Config
from seatrial.errors import ConfigurationError, InputError, SeatrialError
from seatrial.evidence import known_issues, lineage, runs
from seatrial.evidence.facts import Facts
from seatrial.evidence.reading import read_facts, read_record
from seatrial.evidence.records import GateRecord
from seatrial.evidence.runs import Run, StepPlace
from seatrial.files import clear_leftovers, digest_of, read_json, remove_file, write_json
from seatrial.gates.approvals import NOBODY, Trust
from seatrial.steps import Context, Emit

TRAINED = ("data", "train", "evaluate")
"""What ``--export-only`` takes over from an earlier run."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its verdict if it came that far, and what was published."""

    run: Run
    facts: Facts
    gate: GateRecord | None
    published: tuple[str, ...]
    committed: str | None = None
    superseded_by: str | None = None
    """The run that is published and began later; then this one was not."""

    @property
    def exit_code(self) -> int:
        """0 if every item passed or the run has no gate, and it was published where it has one;
        else 1."""
        passed = self.gate is None or self.gate.passed
        return 0 if passed and self.superseded_by is None else 1

    @property
    def not_published(self) -> str | None:
        """Why the run was not published though it has a verdict, and how to do it all the same."""
        if self.superseded_by is None:
            return None
        return (
            f"not published: run {self.superseded_by}, which began later, is; to publish this one "
            f"all the same, seatrial gate {self.run.id}"
        )


def begin(
    project: Path,
    command: str,
    config: Config,
    *,
    config_path: str | None,
    overrides: Sequence[str] = (),
    vouched_by: str | None = None,
    checkpoint: Path | None = None,
    made_in: Run | None = None,
) -> Run:
    """Create a run in ``project``; nothing is computed yet.

    :raises InputError: the checkpoint does not exist.
    :raises ConfigurationError: the file of known issues is damaged; better now than after a
        training. A release is judged all the same, and the verdict says it.
    """
    if made_in is None:
        known_issues.load(project / config.known_issues)
    test_set = config.test_set
    if command in ("finalize", "evaluate") and not (test_set.enabled and test_set.evaluate_at_end):
        raise ConfigurationError(
            f"test_set: enabled and evaluate_at_end must be true, since {command} evaluates on the "
            "test set; to leave it alone, run seatrial train"
        )
    if checkpoint is not None and made_in is None and not checkpoint.is_file():
        raise InputError(f"{checkpoint}: required, but there is no such file")
    return runs.create(
        project,
        command,
        config,
        config_path=config_path,
        overrides=tuple(overrides),
        vouched_by=vouched_by,
        checkpoint=None if checkpoint is None else _from(project, checkpoint),
        published=publishing.published_paths(config),
        made_in=made_in,
    )


def proceed(
    run: Run,
    *,
    names: Sequence[str] = steps.ORDER,
    afresh: Collection[str] = (),
    observe: Emit,
    stop: Callable[[], bool] = lambda: False,
    commit: bool = False,
    trust: Trust = NOBODY,
) -> Outcome:
    """Do what the run still lacks of ``names``, and publish it if that includes the gate, which
    counts the approvals of those whom ``trust`` names.

    However it ends, ``outcome.json`` in the run's folder says how, unless the process is killed.
    """

    def emit(event: dict[str, object]) -> None:
        if event.get("event") == "batch" or "done" in event:
            run.note_progress(event)
        else:
            run.emit(event)
            run.forget_progress()
        observe(event)

    with run.lock():
        clear_leftovers(run.folder)
        remove_file(run.folder / OUTCOME)
        try:
            context = Context(run, run.config(), emit=emit, stop=stop, trust=trust)
            pipeline.execute(context, names, afresh=afresh)
            outcome = _finish(run, names, commit)
        except BaseException as error:
            _note_failure(run, error)
            raise
        ended: dict[str, object] = {
            "state": "finished",
            "exit_code": outcome.exit_code,
            "finished": runs.now(),
            # Nothing follows the last manifest, so nothing else would tell that it was changed.
            "run_sha256": run.reference().sha256,
            "manifests": run.manifests(),
        }
        if outcome.not_published is not None:
            ended["message"] = outcome.not_published
        write_json(run.folder / OUTCOME, ended)
        return outcome


OUTCOME = "outcome.json"
_ENDINGS = ("finished", "failed", "interrupted")


def pin_released(run: Run, names: Sequence[str]) -> dict[str, StepPlace]:
    """The whole steps of ``run`` among ``names``, to be taken over as they are."""
    places = {name: run.step(name) for name in names}
    return {name: place for name, place in places.items() if place is not None}


def _from(project: Path, path: Path) -> str:
    # Relative, so that the documents do not tell the folders of this machine.
    return Path(os.path.relpath(path.resolve(), project.resolve())).as_posix()


def take_over(run: Run, pinned: dict[str, StepPlace]) -> None:
    """Let the run have whole steps of another run, whatever version of the code made them."""
    for name, place in pinned.items():
        pipeline.take_over(run, name, place)


def find_trained(project: Path, config: Config | None) -> Run:
    """The latest run with a whole training, of this configuration's training if one is given.

    :raises InputError: there is none.
    """
    trained = [run for run in runs.all_runs(project) if run.step("train") is not None]
    fitting = [
        run
        for run in trained
        if config is None or _training(run) == digest_of(slices.train(config))
    ]
    if not fitting:
        others = {place.run for run in trained if (place := run.step("train"))}
        found = f"; {len(others)} with other settings" if others else ""
        raise InputError(
            f"{project / runs.RUNS}: no finished training of this configuration{found}; "
            "run seatrial finalize without --export-only"
        )
    return fitting[-1]


def _training(run: Run) -> str | None:
    try:
        return digest_of(slices.train(run.config()))
    except SeatrialError:
        return None  # a run of a version whose configuration had other keys


def _finish(run: Run, names: Sequence[str], commit: bool) -> Outcome:
    place = run.step("gate") if "gate" in names else None
    gate = None if place is None else read_record(place.folder, GateRecord)
    publication = publishing.Publication()
    committed = None
    if gate is not None:
        publication = publishing.publish(run)
        if commit:
            committed = _commit(run, gate)
    return Outcome(
        run,
        read_facts(run),
        gate,
        publication.changed,
        committed,
        publication.superseded_by,
    )


def _commit(run: Run, gate: GateRecord) -> str | None:
    with publishing.turn(run.project, exclusive=False):
        # Another run may have been published since: its documents are not this one's to commit.
        if publishing.published_run(run.project) != run.id:
            return None
        return _commit_documents(run, gate)


def _commit_documents(run: Run, gate: GateRecord) -> str | None:
    documents = [*publishing.DOCUMENTS, *publishing.VERDICT_DOCUMENTS]
    verdict = "passed" if gate.passed else gate.decision
    message = f"Document run {run.id}\n\nGate: {verdict}\nRelease digest: {gate.release_digest}\n"
    present = [name for name in documents if (run.project / name).exists()]
    return lineage.commit_files(run.project, present, message)


def _note_failure(run: Run, error: BaseException) -> None:
    interrupted = isinstance(error, KeyboardInterrupt) or getattr(error, "exit_code", 0) == 130
    code = 130 if interrupted else getattr(error, "exit_code", 5)
    text = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
    outcome: dict[str, Any] = {
        "state": "interrupted" if interrupted else "failed",
        "exit_code": code,
        "message": text or type(error).__name__,
        "finished": runs.now(),
    }
    try:
        write_json(run.folder / OUTCOME, outcome)
    except SeatrialError:
        return  # the disk that refuses the outcome is the error being reported


def read_outcome(run: Run) -> dict[str, Any] | None:
    """What ``outcome.json`` says; None while the run goes on or after it was killed."""
    path = run.folder / OUTCOME
    if not path.exists():
        return None
    found = read_json(path)
    if (
        not isinstance(found, dict)
        or found.get("state") not in _ENDINGS
        or type(found.get("exit_code")) is not int
        or not isinstance(found.get("message", ""), str)
    ):
        raise InputError(
            f"{path}: required how the run ended (state, exit_code, message), found otherwise; "
            f"remove the file, and run seatrial finalize --resume {run.id}"
        )
    return found
