"""Which files of a run are published, and where."""

from __future__ import annotations

from pathlib import Path

from seatrial.config.final import FINAL_CONFIG
from seatrial.config.schema import Config
from seatrial.evidence.runs import RUNS, Run
from seatrial.gates.approvals import FOLDER

RESULTS = "results/production"
RESOLVED = "config.yaml"
"""In the train step's folder: the configuration with every ``auto`` replaced by its choice."""
ENVELOPE = f"{RESULTS}/provenance.dsse.json"
"""What ``seatrial sign`` writes: signatures of the released ``provenance.json``."""
DOCUMENTS = (
    "docs/deployment_guide.md",
    "docs/model_card.md",
    "docs/monitoring_guide.md",
    f"{RESULTS}/test_results.md",
    f"{RESULTS}/requirements.txt",
    f"{RESULTS}/provenance.json",
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
    checkpoints = f"{config.checkpointing.output_dir}/"
    folders = (f"{RUNS}/", "models/", "results/", f"{FOLDER}/", checkpoints)
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
