"""A run on disk: its folder, its configuration, its events, and which steps it has."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from seatrial.config import strict_yaml
from seatrial.config.load import check
from seatrial.config.schema import Config
from seatrial.errors import InputError
from seatrial.evidence import environment, lineage, manifests
from seatrial.evidence.records import RunRecord, RunReference
from seatrial.files import (
    beside,
    discard,
    disk_errors,
    make_new_directory,
    read_bytes,
    read_json,
    sha256_bytes,
    sha256_file,
    write_json,
    write_text,
)

RUNS = "runs"
RECORD = "run.json"
CONFIG = "config.yaml"
_REFERENCE = "reused.json"
_TRIES, _GLANCE_S = 5, 0.05
_ID = re.compile(r"^\d{8}T\d{6}Z-[a-z-]+-[0-9a-f]{4}$")


def now() -> str:
    """This second in UTC, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class StepPlace:
    """A whole step: the folder with its files, and the run that did the work."""

    folder: Path
    run: str


@dataclass(frozen=True)
class Run:
    """A run by project and id."""

    project: Path
    id: str

    @property
    def folder(self) -> Path:
        """``runs/<id>`` in the project."""
        return self.project / RUNS / self.id

    @property
    def events(self) -> Path:
        """The file with one JSON object a line for every event."""
        return self.folder / "events.jsonl"

    def reference(self) -> RunReference:
        """The run by id and digest of ``run.json``."""
        return RunReference(id=self.id, sha256=sha256_file(self.folder / RECORD))

    def record(self) -> RunRecord:
        """What ``run.json`` says.

        :raises InputError: it is missing or damaged.
        """
        path = self.folder / RECORD
        try:
            return RunRecord.model_validate(read_json(path))
        except ValidationError as error:
            raise InputError(f"{path}: not a run: {error.errors()[0]['msg']}") from None

    def config(self) -> Config:
        """The resolved configuration of the run.

        :raises InputError: it was edited since: a bound that is lowered afterwards proves nothing.
        """
        path = self.folder / CONFIG
        if sha256_bytes(read_bytes(path)) != self.record().config_sha256:
            raise InputError(
                f"{path}: changed since the run began; a run keeps its configuration, so give"
                " another one to a new seatrial finalize --config"
            )
        raw, lines = strict_yaml.read(path)
        return check(raw, str(path), lines)

    def step(self, name: str) -> StepPlace | None:
        """Where the whole step is, here or in the run it was reused from; None if there is none.

        :raises InputError: it was reused, and the original is gone or has another manifest.
        """
        folder = self.folder / name
        if (folder / manifests.MANIFEST).exists():
            return StepPlace(folder, self.id)
        reference = self.folder / f"{name}.{_REFERENCE}"
        if not reference.exists():
            return None
        named = _read_reference(reference)
        original = Run(self.project, named["run"]).folder / name
        manifest = original / manifests.MANIFEST
        if not manifest.exists() or sha256_file(manifest) != named["manifest_sha256"]:
            raise InputError(f"{reference}: {manifest} is missing or changed; run finalize anew")
        return StepPlace(original, named["run"])

    def manifests(self) -> dict[str, str]:
        """Digest of the manifest of every whole step that the run has or refers to, by step."""
        own = {
            path.parent.name: sha256_file(path)
            for path in self.folder.glob(f"*/{manifests.MANIFEST}")
        }
        ending = f".{_REFERENCE}"
        referred = {
            path.name.removesuffix(ending): _read_reference(path)["manifest_sha256"]
            for path in self.folder.glob(f"*{ending}")
        }
        return dict(sorted((referred | own).items()))

    def refer(self, name: str, place: StepPlace) -> None:
        """Reuse a whole step of another run: it is named by run and manifest digest, not copied."""
        manifests.settle(place.folder)
        digest = sha256_file(place.folder / manifests.MANIFEST)
        write_json(
            self.folder / f"{name}.{_REFERENCE}", {"run": place.run, "manifest_sha256": digest}
        )

    def emit(self, event: Mapping[str, object]) -> None:
        """Append one event with the time. A line is one write, so lines never interleave."""
        line = json.dumps({"time": now(), **event}, ensure_ascii=False, allow_nan=False) + "\n"
        with disk_errors(self.events):
            descriptor = os.open(self.events, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                rest = (_line_end(descriptor) + line).encode(errors="backslashreplace")
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            finally:
                os.close(descriptor)

    def note_progress(self, event: Mapping[str, object]) -> None:
        """Keep the latest word on how far something is, for who looks now; a crash may lose it."""
        path = self.folder / "progress.json"
        temporary = beside(path, "new")
        with disk_errors(path):
            try:
                temporary.write_text(json.dumps({"time": now(), **event}, ensure_ascii=False))
                temporary.replace(path)
            except BaseException:
                discard([temporary])
                raise

    def forget_progress(self) -> None:
        """What was noted is over."""
        path = self.folder / "progress.json"
        with disk_errors(path, "remove"):
            path.unlink(missing_ok=True)

    def read_progress(self) -> dict[str, Any] | None:
        """What :meth:`note_progress` noted last; None too for what a crash left of it."""
        try:
            found = read_json(self.folder / "progress.json")
        except InputError:
            return None
        return found if isinstance(found, dict) else None

    def read_events(self) -> list[dict[str, Any]]:
        """All whole events; a line cut short by a crash is left out."""
        if not self.events.exists():
            return []
        lines = read_bytes(self.events).split(b"\n")
        found = []
        for line in lines:
            with suppress(ValueError, RecursionError):
                event = json.loads(line)
                if isinstance(event, dict):
                    found.append(event)
        return found

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process; it ends with the process, however that ends.

        :raises InputError: another process holds it.
        """
        path = self.folder / "lock"
        with ExitStack() as held:
            with disk_errors(path, "lock"):
                stream = held.enter_context(path.open("a"))
            if not _locked(stream):
                raise InputError(
                    f"run {self.id}: another process is at work on it; "
                    f"seatrial status {self.id} --wait"
                )
            yield

    def is_held(self) -> bool:
        """Whether a living process is at work on the run."""
        path = self.folder / "lock"
        if not path.exists():
            return False
        with ExitStack() as held:
            with disk_errors(path, "lock"):
                stream = held.enter_context(path.open())
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False


def _read_reference(path: Path) -> dict[str, str]:
    """What ``<step>.reused.json`` says: the run that did the work, and its manifest's digest."""
    named = read_json(path)
    if (
        not isinstance(named, dict)
        or not _ID.match(str(named.get("run")))
        or not isinstance(named.get("manifest_sha256"), str)
    ):
        raise InputError(
            f"{path}: a run and the digest of its manifest are required, found otherwise; "
            "run finalize anew"
        )
    return named


def _line_end(descriptor: int) -> str:
    """What must stand before the next line: a newline after one that a crash has cut short."""
    size = os.fstat(descriptor).st_size
    return "\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else ""


def _locked(stream: IO[str]) -> bool:
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if left:
                time.sleep(_GLANCE_S)  # who only asks whether it is held shares it for a moment
    return False


def create(
    project: Path,
    command: str,
    config: Config,
    *,
    config_path: str | None,
    overrides: tuple[str, ...] = (),
    vouched_by: str | None = None,
    checkpoint: str | None = None,
    published: tuple[str, ...] = (),
    made_in: Run | None = None,
) -> Run:
    """Begin a run: its folder, resolved configuration, environment and git state.

    A run that only documents or judges what another one made has the environment and git state
    of that one, ``made_in``: what the repository holds by now has no part in the release.
    """
    origin = None if made_in is None else _origin(made_in)
    copied = None if origin is None else Run(project, origin.id).record()
    started = now()
    stamp = re.sub(r"[-:]", "", started)
    run = Run(project, f"{stamp}-{command}-{secrets.token_hex(2)}")
    make_new_directory(run.folder)
    text = strict_yaml.dump(config.model_dump(mode="json"))
    write_text(run.folder / CONFIG, text)
    record = RunRecord(
        id=run.id,
        command=command,
        started=started,
        config_path=config_path,
        config_sha256=sha256_file(run.folder / CONFIG),
        overrides=overrides,
        vouched_by=vouched_by,
        checkpoint=checkpoint,
        made_in=origin,
        git=copied.git if copied else lineage.describe(project, published),
        environment=copied.environment if copied else environment.describe(),
    )
    write_json(run.folder / RECORD, record.model_dump(mode="json"))
    return run


def _origin(run: Run) -> RunReference:
    """The run that made the release which ``run`` made, judged or documented."""
    return run.record().made_in or run.reference()


def all_runs(project: Path) -> list[Run]:
    """Every run of the project that has begun, oldest first."""
    folder = project / RUNS
    if not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir() if (path / RECORD).exists())
    return [Run(project, name) for name in names if _ID.match(name)]


def find(project: Path, name: str | None = None) -> Run:
    """A run by its id, or a beginning or end of it that fits only one; the latest without a name.

    :raises InputError: there is none, or several fit.
    """
    runs = all_runs(project)
    if not runs:
        raise InputError(f"{project / RUNS}: no run yet; start one with seatrial finalize")
    if name is None:
        return runs[-1]
    fitting = [run for run in runs if run.id == name] or [
        run for run in runs if run.id.startswith(name) or run.id.endswith(name)
    ]
    if len(fitting) != 1:
        found = "no run" if not fitting else f"{len(fitting)} runs"
        latest = ", ".join(run.id for run in runs[-3:])
        raise InputError(f"{name}: {found} of that name; the latest are {latest}")
    return fitting[0]
