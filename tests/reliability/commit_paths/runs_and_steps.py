"""Steps as folders, runs with their events and outcomes, and a whole small pipeline of steps."""

from __future__ import annotations

import io
import json
from pathlib import Path
from unittest import mock

import numpy as np

from seatrial import files, finalize, steps
from seatrial.config.load import check
from seatrial.config.schema import Config
from seatrial.errors import InputError
from seatrial.evidence import chain, manifests, runs
from seatrial.evidence.records import DocumentsRecord, RunReference
from seatrial.evidence.runs import Run, StepPlace
from seatrial.steps import Context, Step

from .interface import NOW, CommitPath, digests

# ---------------------------------------------------------------- one step

_RUN = RunReference(id="20261120T140000Z-finalize-3f9c", sha256="0" * 64)


def _write_in_several_ways(folder: Path) -> None:
    (folder / "plain.txt").write_text("a line\n" * 2000)
    (folder / "sub" / "deep").mkdir(parents=True)
    with (folder / "sub" / "deep" / "stream.bin").open("wb") as stream:
        stream.write(b"x" * 5000)
        stream.write(b"y" * 5000)
    arrays = io.BytesIO()
    np.savez(arrays, values=np.arange(8))
    files.write_bytes(folder / "values.npz", arrays.getvalue())


def _prepare_step(root: Path) -> None:
    dead = root / "train"
    dead.mkdir()
    (dead / "plain.txt").write_text("a l")


def _act_step(root: Path) -> None:
    folder = root / "train"
    if (folder / manifests.MANIFEST).exists():
        manifests.settle(folder)
        return
    manifests.begin(folder)
    with files.disk_failures(folder):  # as the pipeline does
        _write_in_several_ways(folder)
    files.write_json(folder / manifests.RECORD, {"seconds": 1.5})
    inputs = {"config": "1" * 64}
    manifests.commit(
        folder, "train", run=_RUN, follows={}, inputs=inputs, started=NOW, finished=NOW
    )


def attempt_in_place(root: Path) -> None:
    """What ``_act_step`` must not do: the manifest comes last and everything is synced, but the
    folder of a whole step is used again."""
    folder = root / "train"
    (folder / manifests.MANIFEST).unlink()
    files.write_text(folder / "plain.txt", "another line\n" * 2000)
    manifests.commit(folder, "train", run=_RUN, follows={}, inputs={}, started=NOW, finished=NOW)


def torn_step(folder: Path) -> list[str]:
    """A manifest that is there vouches for every file of its folder."""
    if not (folder / manifests.MANIFEST).exists():
        return []
    try:
        manifest = manifests.read(folder)
    except InputError as error:
        return [str(error)]
    changed = manifests.changed_files(folder, manifest)
    # What a killed writer left in a folder is set aside with it, so a whole step has none.
    return [f"{folder.name}: {line}" for line in changed]


def _torn_one_step(root: Path) -> list[str]:
    lines = torn_step(root / "train")
    for _, attempt in manifests.attempts(root / "train"):
        if (attempt / manifests.MANIFEST).exists():
            lines.append(f"{attempt.name}: a whole step was set aside")
    return lines


def _step_result(root: Path) -> object:
    return digests(root / "train")


def _whole(root: Path) -> bool:
    return (root / "train" / manifests.MANIFEST).exists()


STEP = CommitPath("step", _prepare_step, _act_step, _torn_one_step, _step_result, _whole)

# ---------------------------------------------------------------- a run, from its creation on

_OTHER = "20261120T130000Z-finalize-0001"


def configuration() -> Config:
    """The least that a run needs."""
    return check({"model": {"architecture": "resnet18"}, "data": {"source": "digits"}}, "test")


def _prepare_run(root: Path) -> None:
    folder = root / "runs" / _OTHER / "data"
    folder.mkdir(parents=True)
    (folder / "splits.json").write_text("{}")
    manifests.commit(folder, "data", run=_RUN, follows={}, inputs={}, started=NOW, finished=NOW)


def _begun(root: Path) -> Run:
    made = [run for run in runs.all_runs(root) if run.id != _OTHER]
    return made[-1] if made else runs.create(root, "train", configuration(), config_path=None)


def _act_run(root: Path) -> None:
    run = _begun(root)
    with run.lock():
        files.clear_leftovers(run.folder)
        files.remove_file(run.folder / finalize.OUTCOME)
        run.emit({"event": "step", "step": "data", "state": "gefüllt \u2028"})
        run.refer("data", StepPlace(root / "runs" / _OTHER / "data", _OTHER))
        run.note_progress({"event": "batch", "done": 1})
        run.emit({"event": "step", "step": "train", "state": "started"})
        run.forget_progress()
        outcome = {"state": "finished", "exit_code": 0}
        files.write_json(run.folder / finalize.OUTCOME, outcome)


def torn_run(run: Run) -> list[str]:
    """A run that is listed has its configuration and record whole; so is all that is written of it,
    but for events and progress, of which readers drop what a crash has cut."""
    try:
        run.config()
        run.record()
        finalize.read_outcome(run)
        run.read_progress()
        events = run.read_events()
        for reference in run.folder.glob("*.reused.json"):
            run.step(reference.name.split(".")[0])
    except InputError as error:
        return [str(error)]
    return [f"not an event: {event}" for event in events if "event" not in event]


def _torn_runs(root: Path) -> list[str]:
    return [line for run in runs.all_runs(root) if run.id != _OTHER for line in torn_run(run)]


def _run_result(root: Path) -> object:
    run = _begun(root)
    states = [event["state"] for event in run.read_events()][-2:]
    references = json.loads((run.folder / "data.reused.json").read_bytes())
    progress = run.read_progress()
    return run.config(), finalize.read_outcome(run), references, states, progress


def _finished(root: Path) -> object:
    return [finalize.read_outcome(run) is not None for run in runs.all_runs(root)].count(True)


RUN = CommitPath("run", _prepare_run, _act_run, _torn_runs, _run_result, _finished)

# ---------------------------------------------------------------- a pipeline of three steps

_NAMES = ("first", "second", "third")


def _light_step(name: str) -> Step:
    reads = {"second": ("first/a.txt",), "third": ("first/a.txt", "second/b/c.txt")}.get(name, ())
    return Step(name=name, reads=reads, settings=lambda _: name, work=_work)


def _work(context: Context, output: Path) -> DocumentsRecord:
    before = [name for name in _NAMES if context.run.step(name) is not None]
    (output / "a.txt").write_text(f"{output.name} after {before}\n" * 50)
    (output / "b").mkdir()
    files.write_text(output / "b" / "c.txt", "c")
    context.emit({"event": "at work", "done": 1})
    return DocumentsRecord(documents=(), code_blocks=(), seconds=0.0)


def _act_pipeline(root: Path) -> None:
    made = runs.all_runs(root)
    run = made[-1] if made else runs.create(root, "train", configuration(), config_path=None)
    with mock.patch.object(steps, "get", _light_step):
        finalize.proceed(run, names=_NAMES, observe=lambda _: None)


def _torn_pipeline(root: Path) -> list[str]:
    lines = []
    for run in runs.all_runs(root):
        lines += torn_run(run)
        for name in _NAMES:
            lines += torn_step(run.folder / name)
        lines += chain.broken_links(run, _NAMES)
        done = [run.step(name) is not None for name in _NAMES]
        if sorted(done, reverse=True) != done:
            lines.append("a step is whole, and one that was done before it is not")
    return lines


def _pipeline_result(root: Path) -> object:
    (run,) = runs.all_runs(root)
    found = {}
    for name in _NAMES:
        manifest = manifests.read(run.folder / name)
        found[name] = (digests(run.folder / name).keys(), manifest.inputs, manifest.follows.keys())
    outcome = finalize.read_outcome(run) or {}
    return found, outcome.get("state"), outcome.get("exit_code")


def _pipeline_committed(root: Path) -> object:
    return [name for run in runs.all_runs(root) for name in _NAMES if run.step(name)]


PIPELINE = CommitPath(
    "pipeline",
    lambda _: None,
    _act_pipeline,
    _torn_pipeline,
    _pipeline_result,
    _pipeline_committed,
)
