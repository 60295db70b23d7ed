"""Which files of a run are published, and where."""

from __future__ import annotations

from pathlib import Path

from seatrial.config.final import FINAL_CONFIG
from seatrial.config.schema import Config
from seatrial.evidence import manifests
from seatrial.evidence.published_paths import RESULTS, STEPS, published_path
from seatrial.evidence.runs import RUNS, Run
from seatrial.gates.approvals import FOLDER

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
VERDICTS = "gate.json"
"""In the gate step's folder."""


def published_paths(config: Config) -> tuple[str, ...]:
    """What Seatrial itself writes in a project; a slash at the end means the whole folder."""
    checkpoints = f"{config.checkpointing.output_dir}/"
    folders = (f"{RUNS}/", "models/", "results/", f"{FOLDER}/", checkpoints)
    return (*folders, FINAL_CONFIG, *DOCUMENTS, *VERDICT_DOCUMENTS)


def released_files(run: Run, config: Config) -> dict[str, Path]:
    """Every file of the run that a release holds, by its published path."""
    files: dict[str, Path] = {}
    for step in STEPS:
        for name, path in _files_of(run, step).items():
            published = published_path(step, name, config)
            if published is not None:
                files[published] = path
    training = _files_of(run, "train")
    if RESOLVED in training:
        files[FINAL_CONFIG] = training[RESOLVED]
    documents, gate = _files_of(run, "document"), _files_of(run, "gate")
    files |= {name: documents[name] for name in DOCUMENTS if name in documents}
    files |= {name: gate[name] for name in VERDICT_DOCUMENTS if name in gate}
    if VERDICTS in gate:
        files[f"{RESULTS}/{VERDICTS}"] = gate[VERDICTS]
    return files


def _files_of(run: Run, step: str) -> dict[str, Path]:
    """The files that a whole step's manifest lists and that are still there."""
    place = run.step(step)
    if place is None:
        return {}
    listed = manifests.read(place.folder).files
    paths = {file.path: place.folder / file.path for file in listed}
    return {name: path for name, path in paths.items() if path.exists()}
