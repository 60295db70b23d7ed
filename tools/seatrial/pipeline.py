"""Runs steps in order. A step whose declared inputs are unchanged is not done again."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from seatrial import steps
from seatrial.config.schema import is_own
from seatrial.errors import InputError
from seatrial.evidence import environment, manifests
from seatrial.evidence.runs import Run, StepPlace, all_runs, now
from seatrial.files import digest_of, disk_failures, sha256_file, write_json
from seatrial.steps import Context, Step

ABSENT = "absent"
"""Stands in a manifest for the digest of a declared file of the project that is not there."""


def execute(context: Context, names: Sequence[str], *, afresh: Collection[str] = ()) -> None:
    """Bring the run to have every step in ``names``, which stand in the order of ``steps.ORDER``.

    Steps that the run already has are kept. Any other is taken over from an earlier run if its
    inputs are the same and its files whole, and done otherwise or where it is asked for
    ``afresh``.
    """
    run = context.run
    for name in names:
        if run.step(name) is None:
            steps.get(name).check(context)
    for name in names:
        place = run.step(name)
        if place is not None:
            manifests.settle(place.folder)
            state = "kept" if place.run == run.id else "reused"
            context.emit({"event": "step", "step": name, "state": state, "run": place.run})
            continue
        clock = time.perf_counter()
        step = steps.get(name)
        inputs = inputs_of(step, context)
        must_do = step.belongs_to_run or name in afresh
        same = None if must_do else _find_same(run, name, inputs)
        if same is None:
            _do(step, context, inputs, clock)
        else:
            run.refer(name, same)
            context.emit({"event": "step", "step": name, "state": "reused", "run": same.run})


def take_over(run: Run, name: str, place: StepPlace) -> None:
    """Let ``run`` have a whole step of another run as it is, whatever version of the code made it.

    :raises InputError: its files are not as its manifest says.
    """
    changes = manifests.changed_files(place.folder, manifests.read(place.folder))
    if changes:
        raise InputError(f"{place.folder}: not as its manifest says: {'; '.join(changes[:3])}")
    run.refer(name, place)


def inputs_of(step: Step, context: Context) -> dict[str, str]:
    """The digest of everything that goes into a step."""
    inputs = {
        "config": digest_of(step.settings(context.config)),
        "code": environment.code_digest(),
        "packages": environment.computing_digest(),
    }
    if step.builds_model and is_own(context.config.model.architecture):
        inputs["project code"] = environment.project_code_digest(context.project)
    if step.timed:
        inputs["machine"] = environment.machine_digest()
    if step.name == "data":
        inputs["dataset"] = context.dataset.digest
    if step.name == "train" and context.checkpoint is not None:
        if not context.checkpoint.is_file():
            raise InputError(f"{context.checkpoint}: required, but there is no such file")
        inputs["checkpoint"] = sha256_file(context.checkpoint)
    for name in step.project_files(context.config):
        path = context.project / name
        inputs[f"project/{name}"] = sha256_file(path) if path.is_file() else ABSENT
    for pattern in step.reads:
        inputs |= _matching_files(context, pattern)
    return inputs


def _matching_files(context: Context, pattern: str) -> dict[str, str]:
    step, _, wanted = pattern.partition("/")
    place = context.run.step(step)
    if place is None:
        return {}  # a document or verdict says itself what is missing
    files = manifests.read(place.folder).files
    return {f"{step}/{f.path}": f.sha256 for f in files if fnmatchcase(f.path, wanted)}


def _find_same(run: Run, name: str, inputs: Mapping[str, str]) -> StepPlace | None:
    for earlier in reversed(all_runs(run.project)):
        folder = earlier.folder / name
        if earlier.id == run.id or not (folder / manifests.MANIFEST).exists():
            continue
        try:
            manifest = manifests.read(folder)
        except InputError:
            continue  # of another version, or damaged: nothing to take over
        if manifest.inputs == inputs and not manifests.changed_files(folder, manifest):
            return StepPlace(folder, earlier.id)
    return None


def _do(step: Step, context: Context, inputs: Mapping[str, str], clock: float) -> None:
    folder = context.run.folder / step.name
    manifests.begin(folder)
    context.carried = _worth_carrying(step, folder)
    context.emit({"event": "step", "step": step.name, "state": "started"})
    started = now()
    with disk_failures(folder):
        record = step.work(context, folder)
    write_json(folder / manifests.RECORD, record.model_dump(mode="json"))
    manifests.commit(
        folder,
        step.name,
        run=context.run.reference(),
        follows=context.run.manifests(),
        inputs=inputs,
        started=started,
        finished=now(),
    )
    seconds = round(time.perf_counter() - clock, 3)
    context.emit({"event": "step", "step": step.name, "state": "finished", "seconds": seconds})


def _worth_carrying(step: Step, folder: Path) -> Path | None:
    """The latest attempt that left what the step goes on from; one that died before that hides
    none that got further."""
    if step.carries is None:
        return None
    found = [path for _, path in manifests.attempts(folder) if (path / step.carries).exists()]
    return found[-1] if found else None
