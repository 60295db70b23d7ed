"""From a command's arguments to a run that has begun."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from seatrial import finalize
from seatrial.config import final
from seatrial.config.load import check, load, merged, parse_overrides
from seatrial.config.schema import Config
from seatrial.errors import InputError, SeatrialError
from seatrial.evidence.records import RunRecord
from seatrial.evidence.runs import Run, StepPlace


def prepare(
    project: Path,
    config_path: Path | None,
    overrides: Sequence[str],
    *,
    command: str = "finalize",
    checkpoint: Path | None = None,
    export_only: bool = False,
    as_json: bool = False,
) -> tuple[Run, dict[str, StepPlace]]:
    """Load or build the configuration, begin a run, and find what it takes over from another.

    What was chosen on the way is said on stdout, or on stderr where that is for JSON alone.
    """
    if command != "train" and "TORCHELASTIC_RUN_ID" in os.environ:
        raise click.UsageError(
            f"torchrun is for seatrial train; seatrial {command} takes over what that has trained, "
            "and starts processes of its own with training.devices"
        )
    vouched_by = None
    trained = None
    if config_path is not None:
        config = load(config_path, overrides)
    elif export_only:
        trained = finalize.find_trained(project, None)
        config = _overridden(trained, overrides)
    else:
        made = final.build(project)
        note = f"{made.path.relative_to(project)} made; what changed:\n{made.difference}\n"
        click.echo(note, err=as_json)
        config, config_path, vouched_by = load(made.path, overrides), made.path, made.vouched_by
    pinned: dict[str, StepPlace] = {}
    if export_only:
        trained = finalize.find_trained(project, config)
        pinned = finalize.pin_released(trained, finalize.TRAINED)
        origin = Run(project, pinned["train"].run).record()
        version = origin.environment
        code = f"{version.seatrial_version}, code {version.code_sha256[:12]}"
        note = f"training taken over from run {origin.id} (Seatrial {code})"
        click.echo(note, err=as_json)
    run = finalize.begin(
        project,
        command,
        config,
        config_path=None if config_path is None else _relative(config_path, project),
        overrides=overrides,
        vouched_by=vouched_by,
        checkpoint=checkpoint,
    )
    return run, pinned


def required(config_path: Path | None) -> Path:
    """The configuration's path; missing is bad usage."""
    if config_path is None:
        raise click.UsageError("--config FILE is required")
    return config_path


def required_checkpoint(checkpoint: Path | None) -> Path:
    """The checkpoint's path; missing is bad usage."""
    if checkpoint is None:
        raise click.UsageError("--checkpoint FILE is required")
    return checkpoint


def run_or_checkpoint(
    project: Path,
    name: str | None,
    config_path: Path | None,
    checkpoint: Path | None,
    *,
    command: str,
) -> tuple[Run, tuple[str, ...]]:
    """A new run on an earlier run's steps, or on a checkpoint given by hand, and its steps.

    ``command`` is ``verify`` or ``benchmark``, the last of the steps.
    """
    if config_path is None and checkpoint is None:
        return prepare_again(project, name, command), (command,)
    if name is not None:
        raise click.UsageError("give RUN, or --config and --checkpoint, not both")
    checkpoint = required_checkpoint(checkpoint)
    run, _ = prepare(project, required(config_path), (), command=command, checkpoint=checkpoint)
    before = ("data", "train", "evaluate", "export") if command == "verify" else _UNTIL_EXPORT
    return run, (*before, command)


_JUDGING = ("document", "gate")
"""Commands that make nothing of a release anew."""

_UNTIL_EXPORT = ("data", "train", "export")


def released_run(project: Path, name: str | None) -> Run:
    """The run that is meant: by name, or the one whose release is published.

    :raises InputError: there is none.
    """
    from seatrial.evidence import runs
    from seatrial.publishing import published_run

    return runs.find(project, name or published_run(project))


def prepare_again(project: Path, name: str | None, command: str) -> Run:
    """A new run with the configuration and the whole released steps of an earlier one.

    :raises InputError: a run to be judged that is not finished; publishing it would put an empty
        release in the place of a whole one. A release that has lost a step is judged all the same.
    """
    from seatrial.evidence import reading, runs
    from seatrial.publishing import published_run

    released = published_run(project)
    earlier = runs.find(project, name) if name else _published(project, released)
    record, judging = earlier.record(), command in _JUDGING
    lacking = [step for step in reading.RELEASED_STEPS if earlier.step(step) is None]
    if judging and lacking and earlier.id != released:
        raise InputError(
            f"run {earlier.id}: not finished, it lacks {', '.join(lacking)}; continue it with"
            f" seatrial finalize --resume {earlier.id}"
        )
    config = earlier.config()
    run = finalize.begin(
        project,
        command,
        _with_waivers_of_today(project, config, record) if judging else config,
        config_path=record.config_path,
        overrides=record.overrides,
        vouched_by=record.vouched_by,
        checkpoint=None if record.checkpoint is None else project / record.checkpoint,
        made_in=earlier if judging else None,
    )
    kept = [step for step in reading.RELEASED_STEPS if step != command]
    finalize.take_over(run, finalize.pin_released(earlier, kept))
    return run


def _published(project: Path, released: str | None) -> Run:
    """The run that is published, or the latest where nothing is."""
    from seatrial.evidence import runs
    from seatrial.publishing import RELEASE

    try:
        return runs.find(project, released)
    except InputError as error:
        if released is None:
            raise
        raise InputError(f"{project / RELEASE}: names the run {released}: {error}") from None


def _with_waivers_of_today(project: Path, config: Config, record: RunRecord) -> Config:
    """Waivers and required approvals as the configuration has them now; nothing else is judged by
    other values than the release was made with. One that cannot be read now changes nothing."""
    if record.config_path is None or not (project / record.config_path).is_file():
        return config
    try:
        now = load(project / record.config_path, record.overrides)
    except SeatrialError:
        return config
    return config.model_copy(update={"waivers": now.waivers, "approvals": now.approvals})


def refuse_beside_resume(*given: object) -> None:
    """A resumed run keeps its configuration, so nothing else may be said beside ``--resume``."""
    if any(given):
        raise click.UsageError(
            "--resume continues a run as it was begun; give no configuration or overrides"
        )


def _overridden(run: Run, overrides: Sequence[str]) -> Config:
    if not overrides:
        return run.config()
    raw = merged(run.config().model_dump(mode="json"), parse_overrides(overrides))
    return check(raw, f"run {run.id}")


def _relative(path: Path, project: Path) -> str:
    absolute = path.resolve()
    inside = absolute.is_relative_to(project.resolve())
    return absolute.relative_to(project.resolve()).as_posix() if inside else path.as_posix()
