"""A small project of its own, under git, to run the whole job in."""

from __future__ import annotations

from pathlib import Path

from seatrial.errors import InputError
from seatrial.evidence.records import GateRecord
from seatrial.files import make_directory, write_text
from seatrial.resources import shipped

CONFIG = "configs/demo.yaml"
APPROVAL_ITEM = 24

WHAT_TO_OPEN = (
    "final_report.md",
    "results/production/production_ready.md",
    "results/production/test_results.md",
    "results/production/mistakes.png",
    "docs/deployment_guide.md",
    "docs/model_card.md",
    "docs/monitoring_guide.md",
)

_FILES = {
    ".gitignore": "/runs/\n/models/\n/checkpoints/\n*.npz\n",
    "known_issues.yaml": "# What is known to be wrong with the model; an open critical issue "
    "stops the release.\nissues: []\n",
}
_IDENTITY = ("Seatrial demo", "demo@localhost")
"""Who the demo's own commit is by: a program, in a repository that is nobody's."""


def make(folder: Path) -> None:
    """Make the demo project in ``folder`` with one commit; an existing one is kept as it is.

    :raises InputError: the folder holds something else.
    """
    if (folder / CONFIG).exists() and (folder / ".git").is_dir():
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder}: a demo needs a new or empty folder; name another with --output"
        )
    from git import Actor, Repo

    make_directory(folder)
    content = {**_FILES, CONFIG: (shipped("configs") / "demo.yaml").read_text()}
    for name, text in content.items():
        write_text(folder / name, text)
    with Repo.init(folder, initial_branch="main") as repository:
        repository.index.add(list(content))
        actor = Actor(*_IDENTITY)
        repository.index.commit("Configure the demo", author=actor, committer=actor)


def only_approval_is_missing(gate: GateRecord) -> bool:
    """Whether every item passes except the approval, which fails as it must."""
    open_items = {item.id: item.verdict for item in gate.items if item.verdict != "PASS"}
    return open_items == {APPROVAL_ITEM: "FAIL"}
