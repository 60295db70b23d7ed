"""A published release, made by the program itself, and the means to forge and restore it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from git import Actor, Repo

from cli.conftest import CONFIG, make_images
from seatrial import finalize, signing, steps
from seatrial.audit import Asked, Report, audit
from seatrial.cli import preparing
from seatrial.config.load import load
from seatrial.evaluation.ledger import LEDGER
from seatrial.gates.approvals import NOBODY, Trust
from seatrial.provenance.keys import CryptoSigner

RELEASE_CONFIG = CONFIG.replace("epochs: 1", "epochs: 2") + (
    "targets: {test_acc: 0.6, min_class_f1: 0.1}\n"
    "documents: {name: shades, purpose: tells dark images from bright ones}\n"
    "export: {formats: [onnx], quantization: {enabled: false}}\n"
)


@dataclass(frozen=True)
class Made:
    """A project with three runs: an earlier training, the run that made and published a release,
    and the one that judged it anew and was published in its place."""

    project: Path
    earlier: str
    maker: str
    judge: str
    public_key: Path
    old: Path
    """What was published before, and the ledger of the earlier training."""

    def audit(self, name: str | None = None, **asked: object) -> Report:
        """Audit it, with the key of its signature."""
        return audit(self.project, name, Asked(public_key=self.public_key, **asked))  # type: ignore[arg-type]

    def path(self, name: str) -> Path:
        """A path with the ids of the runs for ``{earlier}``, ``{maker}`` and ``{judge}``."""
        return self.project / self.name(name)

    def name(self, name: str) -> str:
        """As :meth:`path`, relative to the project."""
        return name.format(earlier=self.earlier, maker=self.maker, judge=self.judge)


def _unseen(event: dict[str, object]) -> None:
    """Nobody looks on."""


def run(project: Path, *overrides: str, names: Sequence[str] = steps.ORDER) -> str:
    """``seatrial finalize`` in this process, or some of its steps; the run's id."""
    path = project / "config.yaml"
    begun = finalize.begin(
        project, "finalize", load(path, overrides), config_path="config.yaml", overrides=overrides
    )
    finalize.proceed(begun, names=names, observe=_unseen)
    return begun.id


def judge(project: Path, name: str | None = None, trust: Trust = NOBODY) -> str:
    """``seatrial gate`` in this process; the run's id."""
    begun = preparing.prepare_again(project, name, "gate")
    finalize.proceed(begun, names=("document", "gate"), observe=_unseen, trust=trust)
    return begun.id


def begin_project(project: Path) -> None:
    """Images, configuration and known issues under git."""
    make_images(project)
    (project / "config.yaml").write_text(RELEASE_CONFIG)
    (project / "known_issues.yaml").write_text("issues: []\n")
    (project / ".gitignore").write_text("/runs/\n/models/\n/checkpoints/\n")
    with Repo.init(project, initial_branch="main") as repository:
        repository.git.add(all=True)
        actor = Actor("test", "test@localhost")
        repository.index.commit("begin", author=actor, committer=actor)


def sign(project: Path, folder: Path) -> Path:
    """Sign the published release with a new key; the public one's file."""
    key = Ed25519PrivateKey.generate()
    signing.sign_release(project, CryptoSigner(key))
    public = folder / "key.pub.pem"
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return public


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A signed release, published by the run that judged it anew."""
    project = tmp_path_factory.mktemp("audit") / "project"
    project.mkdir()
    begin_project(project)
    other = ("training.epochs=1", "reproducibility.seed=1")
    earlier = run(project, *other, names=("data", "train", "evaluate"))
    ledger = (project / LEDGER).read_bytes()
    maker = run(project)
    old = tmp_path_factory.mktemp("old")
    for path in ("models", "docs", "results", "configs", "checkpoints"):
        shutil.copytree(project / path, old / path)
    shutil.copy(project / "final_report.md", old)
    (old / LEDGER).write_bytes(ledger)
    judged = judge(project)
    public_key = sign(project, project.parent)
    return Made(project, earlier, maker, judged, public_key, old)


Seen = dict[str, tuple[int, ...]]


class Restorer:
    """Undoes whatever was done to a folder, by comparison with a copy."""

    def __init__(self, folder: Path, pristine: Path) -> None:
        self.folder = folder
        self.pristine = pristine
        shutil.copytree(folder, pristine, symlinks=True)
        self.seen = self._look()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens inside is undone at the end."""
        try:
            yield
        finally:
            self._restore()

    def _look(self) -> Seen:
        found = {}
        for here, folders, files in os.walk(self.folder):
            if ".git" in folders:
                folders.remove(".git")
            for name in [*folders, *files]:
                path = Path(here) / name
                status = path.lstat()
                key = (status.st_mode, status.st_ino, status.st_nlink)
                if path.is_file() and not path.is_symlink():
                    key = (*key, status.st_size, status.st_mtime_ns)
                elif path.is_dir():
                    key = key[:2]
                found[path.relative_to(self.folder).as_posix()] = key
        return found

    def _restore(self) -> None:
        now = self._look()
        changed = sorted(name for name in now | self.seen if now.get(name) != self.seen.get(name))
        for name in reversed(changed):
            path = self.folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for name in changed:
            source, target = self.pristine / name, self.folder / name
            if source.is_dir():
                target.mkdir(exist_ok=True)
            elif source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        self.seen = self._look()


@pytest.fixture(scope="package")
def restorer(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Restorer:
    return Restorer(made.project, tmp_path_factory.mktemp("pristine") / "project")


@pytest.fixture
def release(made: Made, restorer: Restorer) -> Iterator[Made]:
    """The release, to do things to: they are undone afterwards."""
    with restorer.undone():
        yield made


def edit_json(path: Path, change: dict[str, object]) -> None:
    """Set keys of a JSON file, written as Seatrial writes it."""
    content = json.loads(path.read_bytes()) | change
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
