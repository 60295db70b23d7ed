"""Copies a finished run's outputs to the stable paths that people link to."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.config.final import FINAL_CONFIG
from seatrial.config.schema import Config
from seatrial.evidence.reading import read_facts
from seatrial.evidence.runs import RUNS, Run
from seatrial.files import (
    copy_file,
    disk_errors,
    make_directory,
    pretty_json,
    read_json,
    sha256_file,
    sync_directory,
    write_text,
)

RESULTS = "results/production"
RESOLVED = "config.yaml"
"""In the train step's folder: the configuration with every ``auto`` replaced by its choice."""
RELEASE = f"{RESULTS}/release.json"
DOCUMENTS = (
    "docs/deployment_guide.md",
    "docs/model_card.md",
    "docs/monitoring_guide.md",
    f"{RESULTS}/test_results.md",
    f"{RESULTS}/requirements.txt",
)
VERDICT_DOCUMENTS = (f"{RESULTS}/production_ready.md", "final_report.md")

_RESULT_FILES = {
    "data": ("splits.json",),
    "train": ("training.log", "learning_curves.png"),
    "evaluate": (
        "metrics.json", "predictions.npz", "confusion_matrix.png", "reliability_diagram.png",
        "mistakes.png",
    ),
    "gate": ("gate.json",),
}  # fmt: skip


def published_paths(config: Config) -> tuple[str, ...]:
    """What Seatrial itself writes in a project; a slash at the end means the whole folder."""
    folders = (f"{RUNS}/", "models/", "results/", f"{config.checkpointing.output_dir}/")
    return (*folders, FINAL_CONFIG, *DOCUMENTS, *VERDICT_DOCUMENTS)


def released_files(run: Run, config: Config) -> dict[str, Path]:
    """Every file of the run that a release holds, by its published path."""
    files: dict[str, Path] = {}
    for step, names in _RESULT_FILES.items():
        files |= {f"{RESULTS}/{name}": path for name, path in _files_of(run, step, names).items()}
    files |= _plots_of_data(run)
    files |= _models(run)
    place = run.step("train")
    if place is not None:
        for path in sorted((place.folder / "checkpoints").glob("*.pt")):
            files[f"{config.checkpointing.output_dir}/{path.name}"] = path
        if (place.folder / RESOLVED).exists():
            files[FINAL_CONFIG] = place.folder / RESOLVED
    files |= _files_of(run, "document", DOCUMENTS)
    files |= _files_of(run, "gate", VERDICT_DOCUMENTS)
    return files


def publish(run: Run) -> tuple[str, ...]:
    """Publish the run: all files are first copied beside their places, then renamed, and
    ``release.json`` is renamed last. Returns the published paths whose bytes changed.

    :raises InputError: another process publishes, or the disk does not take a file; then the
        earlier release stands as it was.
    """
    config = run.config()
    files = released_files(run, config)
    facts = read_facts(run)
    with _turn(run.project):
        earlier = _earlier_release(run.project)
        if not _may_publish_config(run, earlier):
            files.pop(FINAL_CONFIG, None)
        staged: dict[str, Path] = {}
        try:
            digests = {name: sha256_file(path) for name, path in sorted(files.items())}
            for name, source in files.items():
                if not _is_there(run.project / name, digests[name]):
                    staged[name] = _stage(source, run.project / name)
            release = {
                "run": run.id,
                "release_digest": facts.release_digest,
                "commit": facts.run.git.commit,
                "files": digests,
            }
            for name, path in staged.items():
                with disk_errors(run.project / name):
                    path.replace(run.project / name)
        except BaseException:
            for path in staged.values():
                path.unlink(missing_ok=True)
            raise
        for directory in {(run.project / name).parent for name in staged}:
            sync_directory(directory)
        for name in earlier.keys() - digests.keys():
            (run.project / name).unlink(missing_ok=True)
        write_text(run.project / RELEASE, pretty_json(release))
    return tuple(sorted(staged))


def published_run(project: Path) -> str | None:
    """The id of the run that the published release came from."""
    path = project / RELEASE
    return str(read_json(path)["run"]) if path.exists() else None


def _files_of(run: Run, step: str, names: tuple[str, ...]) -> dict[str, Path]:
    place = run.step(step)
    if place is None:
        return {}
    return {name: place.folder / name for name in names if (place.folder / name).exists()}


def _plots_of_data(run: Run) -> dict[str, Path]:
    place = run.step("data")
    if place is None:
        return {}
    return {f"{RESULTS}/{path.name}": path for path in sorted(place.folder.glob("*.png"))}


def _models(run: Run) -> dict[str, Path]:
    files = {f"models/{n}": p for n, p in _files_of(run, "evaluate", ("sample.png",)).items()}
    place = run.step("export")
    if place is not None:
        for path in sorted(place.folder.glob("production_model*")):
            files[f"models/{path.name}"] = path
    return files


def _may_publish_config(run: Run, earlier: dict[str, str]) -> bool:
    """A configuration that a person wrote at the published path is theirs and stays."""
    path = run.project / FINAL_CONFIG
    return not path.exists() or sha256_file(path) == earlier.get(FINAL_CONFIG)


def _is_there(path: Path, digest: str) -> bool:
    return path.is_file() and not path.is_symlink() and sha256_file(path) == digest


def _stage(source: Path, target: Path) -> Path:
    make_directory(target.parent)
    staged = target.with_name(f".{target.name}.{secrets.token_hex(4)}.publish")
    copy_file(source, staged)
    return staged


def _earlier_release(project: Path) -> dict[str, str]:
    path = project / RELEASE
    return dict(read_json(path)["files"]) if path.exists() else {}


@contextmanager
def _turn(project: Path) -> Iterator[None]:
    make_directory(project / RUNS)
    with (project / RUNS / ".publish.lock").open("a") as stream:
        # Publishing takes a moment, and a run that waits for its turn may have trained for hours.
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
