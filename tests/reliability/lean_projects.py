"""Projects in which a step finds what it declares to read, and nothing else of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from cli.conftest import make_images
from factories import healthy_project
from seatrial import finalize, pipeline, publishing, steps
from seatrial.config.load import load
from seatrial.config.schema import is_own
from seatrial.evidence import manifests
from seatrial.evidence.runs import CONFIG, RECORD, Run
from seatrial.steps import Context, Step

DATA = "images"
APPROVAL = "approvals/{}/technical.json"


@dataclass
class Watch:
    """Names every path below a folder that this process opens for reading, or lists."""

    root: Path
    found: set[str] = field(default_factory=set)

    def note(self, path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        absolute = os.path.normpath(Path(os.fsdecode(path)).absolute())
        if absolute.startswith(f"{self.root}/"):
            self.found.add(absolute.removeprefix(f"{self.root}/"))


_watching: list[Watch] = []
_hooked: list[bool] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching:
        return
    if event == "open":
        path, _, flags = arguments
        reads = isinstance(flags, int) and flags & os.O_ACCMODE != os.O_WRONLY
        # A folder is opened to be synced or locked; what lies in it is told by listing it.
        if reads and not flags & os.O_DIRECTORY:  # type: ignore[operator]
            _watching[-1].note(path)
    elif event in ("os.listdir", "os.scandir"):
        _watching[-1].note(arguments[0])


@contextmanager
def watched(root: Path) -> Iterator[Watch]:
    """Watch this process; Python has no way to remove a hook again, so there is one for good."""
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked.append(True)
    watch = Watch(root)
    _watching.append(watch)
    try:
        yield watch
    finally:
        _watching.remove(watch)


@dataclass(frozen=True)
class Made:
    """A run that was carried out under watch."""

    run: Run
    opened: dict[str, set[str]]
    """By step: what it opened or listed, relative to the project."""


def make(project: Path, configuration: str, checkpoint: Path | None = None) -> Made:
    """Carry out a whole run among files that are none of its steps' business.

    There are a release that was published before, with its run; documents and models at the
    published paths; notes, settings and secrets.
    """
    healthy_project(project)
    publishing.publish(next(iter(runs_of(project))))
    make_images(project)
    for name in (
        "notes.txt",
        ".env",
        "configs/other.yaml",
        "data/record.json",
        "train/config.yaml",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("model: {architecture: none}\n")
    (project / "known_issues.yaml").write_text("issues: []\n")
    (project / CONFIG).write_text(configuration)
    config = load(project / CONFIG)
    run = finalize.begin(project, "finalize", config, config_path=CONFIG, checkpoint=checkpoint)
    opened: dict[str, set[str]] = {}
    with watched(project) as watch:

        def observe(event: dict[str, object]) -> None:
            if event.get("event") != "step":
                return
            if event["state"] == "started":
                watch.found = set()
                if event["step"] == "gate":
                    _approve(run)
            elif event["state"] == "finished":
                opened[str(event["step"])] = set(watch.found)

        finalize.proceed(run, observe=observe)
    return Made(run, opened)


def runs_of(project: Path) -> list[Run]:
    return [Run(project, path.name) for path in sorted((project / "runs").iterdir())]


def _approve(run: Run) -> None:
    """Something lies among the approvals of this release: it is read, and counts for nothing."""
    digest = finalize.read_facts(run).release_digest
    path = run.project / APPROVAL.format(digest)
    path.parent.mkdir(parents=True)
    path.write_text("{}\n")


def undeclared(step: Step, made: Made) -> list[str]:
    """What the step opened or listed although nothing declares it."""
    allowed = _declaration(step, made.run)
    return sorted(path for path in made.opened[step.name] if not allowed(path))


def _declaration(step: Step, run: Run) -> Callable[[str], bool]:
    config, own = run.config(), run.folder.relative_to(run.project).as_posix()
    project = {*step.project_files(config), *step.adds_to}
    folders = {own, *(path.rpartition("/")[0] for path in step.adds_to)}
    folders |= {f"{own}/{pattern.partition('/')[0]}" for pattern in step.reads}
    read_by_all = [f"{own}/{RECORD}", f"{own}/{CONFIG}", f"{own}/*/{manifests.MANIFEST}"]
    read_by_all += [f"{own}/events.jsonl", f"{own}/*.reused.json"]
    patterns = [*read_by_all, f"{DATA}/*", *(f"{own}/{pattern}" for pattern in step.reads)]
    patterns += [f"{own}/{step.name}/*", *(f"{folder}/*" for folder in step.copies)]
    if step.builds_model and is_own(config.model.architecture):
        patterns += ["*.py", "*__pycache__/*.pyc"]
    whole = {*project, *folders, *step.copies, DATA, f"{own}/{step.name}"}
    # Listing a folder of a step tells no more than its manifest, which every step may read.
    inside = tuple(f"{folder}/" for folder in folders if folder.startswith(f"{own}/"))

    def allowed(path: str) -> bool:
        if path in whole or any(fnmatchcase(path, pattern) for pattern in patterns):
            return True
        return path.startswith(inside) and (run.project / path).is_dir()

    return allowed


def lean_copy(step: Step, made: Made, target: Path) -> Run:
    """A project that holds the data set and what the step declares, and no file more."""
    run, config = made.run, made.run.config()
    source = run.project
    shutil.copytree(source / DATA, target / DATA)
    names = [*step.project_files(config), *step.adds_to]
    names += [f"runs/{run.id}/{RECORD}", f"runs/{run.id}/{CONFIG}"]
    names += [
        path.relative_to(source).as_posix()
        for folder in step.copies
        for path in (source / folder).rglob("*")
        if path.is_file()
    ]
    if step.builds_model and is_own(config.model.architecture):
        names += [path.name for path in source.glob("*.py")]
    if step.name == "train" and (checkpoint := run.record().checkpoint):
        names.append(checkpoint)
    for earlier in steps.ORDER[: steps.ORDER.index(step.name)]:
        folder = f"runs/{run.id}/{earlier}"
        listed = manifests.read(source / folder).files
        wanted = [p.partition("/")[2] for p in step.reads if p.startswith(f"{earlier}/")]
        names += [
            f"{folder}/{file.path}"
            for file in listed
            if any(fnmatchcase(file.path, pattern) for pattern in wanted)
        ]
        names.append(f"{folder}/{manifests.MANIFEST}")
    for name in names:
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)
    return Run(target, run.id)


def do(step: Step, run: Run) -> Path:
    """Do a step of a run in this process; its folder."""
    context = Context(run, run.config(), emit=lambda _: None)
    pipeline.execute(context, (step.name,))
    return run.folder / step.name


_ALONE = """
import sys
from pathlib import Path
from reliability.lean_projects import do
from seatrial import steps
from seatrial.evidence.runs import Run
do(steps.get(sys.argv[1]), Run(Path(sys.argv[2]), sys.argv[3]))
"""


def do_alone(step: Step, run: Run) -> Path:
    """Do a step in a process of its own: it imports the project's modules afresh, and PyTorch
    begins to count its names anew."""
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", _ALONE, step.name, str(run.project), run.id],
        cwd=run.project,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    return run.folder / step.name
