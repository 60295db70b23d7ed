"""What is audited: a run, found by id, by the published release, or by the path of its folder."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.audit.findings import Finding
from seatrial.audit.tree import read_plain
from seatrial.errors import InputError
from seatrial.evidence.manifests import MANIFEST
from seatrial.evidence.runs import RECORD, RUNS, Run
from seatrial.publishing import RELEASE

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z-]+-[0-9a-f]{4}")


@dataclass(frozen=True)
class Subject:
    """The run, in its project or in a folder that stands for one."""

    run: Run
    published: bool
    """Whether the project's published release is, or should be, of this run."""
    in_project: bool
    """False for a folder that was copied away from its project: what lies beside it is absent."""
    findings: tuple[Finding, ...] = ()
    """What was wrong on the way to it."""


@contextmanager
def find(project: Path, name: str | None) -> Iterator[Subject]:
    """The run of that id (or a beginning or end of it that fits only one), of the folder at that
    path, or, without a name, of the published release.

    A folder that lies in no project's ``runs/`` is given a project for the time of the audit: a
    temporary folder with a link to it. Nothing is written where the run lies.

    :raises InputError: there is no such run.
    """
    if name is None:
        yield _released(project)
    elif os.sep in name or Path(name).is_dir():
        with _at(project, Path(name)) as subject:
            yield subject
    else:
        run = _named(project, name)
        yield Subject(run, _published_id(project) == run.id, in_project=True)


def _released(project: Path) -> Subject:
    named, known = _published_id(project), _ids(project / RUNS)
    if named in known:
        return Subject(Run(project, str(named)), published=True, in_project=True)
    judged = [run for run in known if (project / RUNS / run / "gate" / MANIFEST).is_file()]
    if not judged:
        raise InputError(
            f"{project / RELEASE}: no published release, and no run with a verdict in"
            f" {project / RUNS}; give the path of a run's folder, or run seatrial finalize"
        )
    instead = f"the latest run with a verdict, {judged[-1]}, is audited in its place"
    if named is None and not os.path.lexists(project / RELEASE):
        problem = Finding(RELEASE, "missing", f"what is published is not known; {instead}")
    elif named is None:
        problem = Finding(RELEASE, "damaged", f"it names no run; {instead}")
    else:
        problem = Finding(RELEASE, "changed", f"of run {named}, which is not in {RUNS}/; {instead}")
    return Subject(Run(project, judged[-1]), True, in_project=True, findings=(problem,))


@contextmanager
def _at(project: Path, folder: Path) -> Iterator[Subject]:
    folder = folder.resolve()
    if not folder.is_dir():
        raise InputError(f"{folder}: the folder of a run required, but there is none")
    own = RUN_ID.fullmatch(folder.name) is not None
    if own and folder.parent.name == RUNS:
        run = Run(folder.parent.parent, folder.name)
        inside = run.project == project.resolve()
        run = Run(project, run.id) if inside else run
        yield Subject(run, _published_id(run.project) == run.id, in_project=True)
        return
    identity = folder.name if own else _identity(folder)
    with tempfile.TemporaryDirectory(prefix="seatrial-audit-") as name:
        stand_in = Path(name)
        if own:
            (stand_in / RUNS).symlink_to(folder.parent)
        else:
            (stand_in / RUNS).mkdir()
            (stand_in / RUNS / identity).symlink_to(folder)
        yield Subject(Run(stand_in, identity), published=False, in_project=False)


def _identity(folder: Path) -> str:
    """The id of a run whose folder was renamed: as its files say.

    :raises InputError: none of them does.
    """
    texts = [_plain(folder / RECORD)]
    texts += [_plain(path) for path in sorted(folder.glob(f"*/{MANIFEST}"))]
    named = [text.get("id") for text in texts[:1]]
    named += [run.get("id") for text in texts[1:] if isinstance(run := text.get("run"), dict)]
    for identity in named:
        if isinstance(identity, str) and RUN_ID.fullmatch(identity):
            return identity
    raise InputError(
        f"{folder}: not a run's folder: neither {RECORD} nor a manifest says which run it is"
    )


def _named(project: Path, name: str) -> Run:
    known = _ids(project / RUNS)
    fitting = [run for run in known if run == name] or [
        run for run in known if run.startswith(name) or run.endswith(name)
    ]
    if len(fitting) != 1:
        found = "no run" if not fitting else f"{len(fitting)} runs"
        there = f"the latest are {', '.join(known[-3:])}" if known else "there is none"
        raise InputError(f"{name}: {found} of that name in {project / RUNS}; {there}")
    return Run(project, fitting[0])


def _ids(runs: Path) -> list[str]:
    """Every folder with the name of a run, whole or not."""
    if not runs.is_dir():
        return []
    return sorted(p.name for p in runs.iterdir() if RUN_ID.fullmatch(p.name) and p.is_dir())


def _published_id(project: Path) -> str | None:
    named = _plain(project / RELEASE).get("run")
    return named if isinstance(named, str) and RUN_ID.fullmatch(named) else None


def _plain(path: Path) -> dict[str, Any]:
    """A JSON object, or nothing where there is none to be read."""
    try:
        found = json.loads(read_plain(path) or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
