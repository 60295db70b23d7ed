"""Publishing: the first release of a project, one over an earlier one, and one of many files."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping, Set
from pathlib import Path

from factories import RUN_ID, healthy_project
from seatrial import publishing
from seatrial.errors import InputError
from seatrial.evidence.runs import Run
from seatrial.files import read_json, sha256_bytes, sha256_file, write_json

from .interface import CommitPath

_EARLIER = "20261120T120000Z-finalize-0000"
_EARLIER_FILES = {
    "models/production_model.onnx": b"earlier weights",
    "models/dropped.onnx": b"the new release has no such file",
    "docs/model_card.md": b"# Earlier card\n",
    "results/production/test_results.md": b"earlier results\n",
}
_FEW = ("production_model.onnx", "model_card.md", "test_results.md")
"""A file for each folder of the user's, so that every state of all of them can be tried."""


@functools.cache
def _project(few: bool) -> Mapping[str, bytes]:
    """A project with a run that is ready to be published, as content by path."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        healthy_project(root)
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not (few and _can_be_spared(path))
        }


def _can_be_spared(path: Path) -> bool:
    needed = ("manifest.json", "record.json", "run.json", publishing.RESOLVED)
    return "runs" in path.parts and path.name not in (*needed, *_FEW)


def _prepare(root: Path, *, few: bool, earlier: bool) -> None:
    for name, content in _project(few).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    if not earlier:
        return
    for name, content in _EARLIER_FILES.items():
        for place in (root / name, root / "runs" / _EARLIER / name):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    release = publishing.Release(
        run=_EARLIER,
        started="2026-11-20T12:00:00Z",
        release_digest="e" * 64,
        commit=None,
        files={name: sha256_bytes(content) for name, content in _EARLIER_FILES.items()},
        sources={name: f"runs/{_EARLIER}/{name}" for name in _EARLIER_FILES},
    )
    write_json(root / publishing.RELEASE, release.model_dump(mode="json"))


def _act(root: Path) -> None:
    publishing.publish(Run(root, RUN_ID))


@functools.cache
def _new_files(few: bool) -> Mapping[str, str]:
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        _prepare(root, few=few, earlier=False)
        run = Run(root, RUN_ID)
        files = publishing.released_files(run, run.config())
        return {name: sha256_file(path) for name, path in files.items()}


def _old_files(earlier: bool) -> dict[str, str]:
    return {name: sha256_bytes(c) for name, c in _EARLIER_FILES.items()} if earlier else {}


def _found(root: Path, names: Set[str]) -> dict[str, str]:
    return {name: sha256_file(root / name) for name in names if (root / name).exists()}


def _torn(root: Path, *, few: bool, earlier: bool) -> list[str]:
    old, new = _old_files(earlier), _new_files(few)
    found = _found(root, old.keys() | new.keys())
    lines = [
        f"{name}: of no release"
        for name in sorted(old.keys() | new.keys())
        if found.get(name) not in (old.get(name), new.get(name))
    ]
    try:
        release = publishing.read_release(root)
        cut = publishing.cut_short(root)
    except InputError as error:
        return [*lines, str(error)]
    if release is None:
        return lines + _unnamed({}, found, cut) + (["no release any more"] if earlier else [])
    if release.files != (new if release.run == RUN_ID else old):
        lines.append("release.json: of no release")
    lines += [
        f"{name}: its source is not what release.json says"
        for name, source in release.sources.items()
        if not (root / source).is_file() or sha256_file(root / source) != release.files[name]
    ]
    if release.files.keys() != release.sources.keys():
        lines.append("release.json: a file without its source")
    if release.run == RUN_ID and found != new:
        lines.append("release.json: vouches for files that are not there yet")
    return lines + _unnamed(release.files, found, cut)


def _unnamed(said: Mapping[str, str], found: Mapping[str, str], cut: str | None) -> list[str]:
    """Published files that are not those of ``release.json`` are known to be so."""
    return ["a cut publication that nobody names"] if said != found and cut != RUN_ID else []


def _published(root: Path) -> dict[str, str]:
    # Of all files that either release has, those of the other form have no say.
    return _found(root, _new_files(False).keys() | _EARLIER_FILES.keys())


def _result(root: Path) -> object:
    hidden = sorted(path.name for path in root.rglob(".*") if path.is_file())
    return _published(root), hidden, read_json(root / publishing.RELEASE)


def _committed(root: Path) -> object:
    # That the published files are those of it, where nothing says otherwise, _torn looks at.
    return publishing.read_release(root)


def _path(name: str, *, few: bool, earlier: bool) -> CommitPath:
    return CommitPath(
        name,
        lambda root: _prepare(root, few=few, earlier=earlier),
        _act,
        lambda root: _torn(root, few=few, earlier=earlier),
        _result,
        _committed,
    )


FIRST = _path("first release", few=True, earlier=False)
NEXT = _path("release over an earlier one", few=True, earlier=True)
LARGE = _path("release of all files", few=False, earlier=True)
