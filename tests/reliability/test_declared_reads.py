"""No step reads what it did not declare: without it, every step gives the same files."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import copy, copytree, rmtree
from typing import Any

import pytest
import torch

from cli.conftest import CONFIG
from reliability import counting
from reliability.lean_projects import DATA, Made, do, do_alone, lean_copy, make, undeclared, watched
from seatrial import pipeline, steps
from seatrial.config.load import check
from seatrial.errors import InputError, SeatrialError
from seatrial.evidence import manifests
from seatrial.evidence.runs import Run, StepPlace
from seatrial.files import tree_files
from seatrial.pipeline import inputs_of
from seatrial.steps import Context

BASE = CONFIG + (
    "targets: {test_acc: 0.6}\n"
    "approvals: {required: [technical]}\n"
    "documents: {name: shades, purpose: tells dark images from bright ones}\n"
)
ONE_FORMAT = BASE + "export: {formats: [onnx], quantization: {enabled: false}}\n"
OWN = """\
from torch import nn

from layers import head


def build(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), head(4, num_classes))
"""
LAYERS = """\
from torch import nn


def head(channels: int, num_classes: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
"""
VARIANTS = {
    "one format": ONE_FORMAT,
    "all formats": BASE + "export: {quantization: {enabled: false}}\n",
    "a network of one's own": ONE_FORMAT.replace("simple_cifar_net", "network:build"),
}
ASKED = list(VARIANTS) if counting.full() else ["one format"]


@pytest.fixture(scope="module", params=ASKED)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    project = tmp_path_factory.mktemp("declared")
    (project / "network.py").write_text(OWN)
    (project / "layers.py").write_text(LAYERS)
    yield make(project, VARIANTS[request.param])


@pytest.mark.parametrize("name", steps.ORDER)
def test_a_step_opens_only_what_it_declares(name: str, made: Made) -> None:
    assert undeclared(steps.get(name), made) == []
    assert made.opened[name], "nothing was watched"


@pytest.mark.parametrize("name", steps.ORDER)
def test_a_step_that_finds_only_what_it_declares_gives_the_same(
    name: str, made: Made, tmp_path: Path
) -> None:
    step = steps.get(name)
    lean = lean_copy(step, made, tmp_path / "lean")
    before = len(tree_files(lean.project))
    original = made.run.folder / name
    with watched(made.run.project) as watch:  # no recorded path leads back to where it was made
        # In a process of its own where the first one was: names and modules are counted anew.
        folder = do_alone(step, lean) if counting.full() else do(step, lean)
    assert watch.found == set()
    assert set(tree_files(folder)) == set(tree_files(original))
    differing = [
        path for path, place in tree_files(folder).items() if not same(place, original / path)
    ]
    assert differing == []
    first, second = manifests.read(original), manifests.read(folder)
    assert (second.inputs, second.follows, second.run) == (
        first.inputs, first.follows, first.run
    )  # fmt: skip
    counting.report(
        f"{name} without what it does not declare",
        files_there=before,
        files_not_there=len(tree_files(made.run.project)) - before,
        files_compared=len(tree_files(folder)),
    )


SHORTER = {
    "evaluate": ("train/record.json", "train/checkpoints/final_model_best.pt", "data/record.json"),
    "export": ("train/checkpoints/final_model_best.pt",),
    "verify": ("export/*",),
    "benchmark": ("export/record.json",),
    "document": ("data/*", "train/*", "export/*", "verify/*", "benchmark/*"),
    "gate": ("data/*", "train/*", "evaluate/*", "export/*", "verify/*", "document/*"),
}
"""By step: a declaration that leaves something out which the step reads."""


@pytest.mark.parametrize("name", SHORTER)
def test_a_declaration_that_leaves_something_out_is_found(
    name: str, made: Made, tmp_path: Path
) -> None:
    short = replace(steps.get(name), reads=SHORTER[name])
    lean = lean_copy(short, made, tmp_path / "lean")
    try:
        folder = do(steps.get(name), lean)
    except (SeatrialError, OSError):
        return
    files = tree_files(folder)
    assert any(
        not (made.run.folder / name / path).exists()
        or not same(place, made.run.folder / name / path)
        for path, place in files.items()
    )


@pytest.mark.parametrize("name", ["evaluate", "verify", "benchmark", "document", "gate"])
def test_an_undeclared_file_that_is_opened_is_named(name: str, made: Made) -> None:
    found = undeclared(replace(steps.get(name), reads=(), project_files=lambda _: ()), made)
    assert [path for path in found if path.startswith(f"runs/{made.run.id}/")]


def test_what_a_step_copies_from_the_project_is_named_if_undeclared(made: Made) -> None:
    assert undeclared(replace(steps.get("gate"), copies=()), made) != []
    assert undeclared(replace(steps.get("evaluate"), adds_to=()), made) != []


def second_run(project: Path, made: Made, changed: str | None, step: str) -> Run:
    """A run beside a copy of the first one, which has each earlier step from there; of one of
    them a file is ``changed`` (``step/path``), and its manifest with it."""
    runs = project / "runs"
    if not runs.exists():
        copytree(made.run.folder, runs / made.run.id)
    second, other = (Run(project, f"20991231T235959Z-finalize-000{n}") for n in (1, 2))
    for run in (second, other):
        rmtree(run.folder, ignore_errors=True)
        run.folder.mkdir()
        for name in ("run.json", "config.yaml"):
            copy(made.run.folder / name, run.folder / name)
    for earlier in steps.ORDER[: steps.ORDER.index(step)]:
        folder, maker = runs / made.run.id / earlier, made.run.id
        if changed is not None and changed.startswith(f"{earlier}/"):
            manifest = json.loads((folder / manifests.MANIFEST).read_bytes())
            for file in manifest["files"]:
                if f"{earlier}/{file['path']}" == changed:
                    file["sha256"] = "0" * 64
            folder, maker = other.folder / earlier, other.id
            folder.mkdir()
            (folder / manifests.MANIFEST).write_text(json.dumps(manifest))
        second.refer(earlier, StepPlace(folder, maker))
    return second


@pytest.mark.parametrize("name", steps.ORDER[1:])
def test_a_step_is_done_again_exactly_when_a_file_that_it_declares_changed(
    name: str, made: Made, tmp_path: Path
) -> None:
    step, config = steps.get(name), made.run.config()
    (tmp_path / "known_issues.yaml").write_bytes(
        (made.run.project / "known_issues.yaml").read_bytes()
    )
    for code in made.run.project.glob("*.py"):
        copy(code, tmp_path / code.name)
    earlier = steps.ORDER[: steps.ORDER.index(name)]
    files = [f"{e}/{f.path}" for e in earlier for f in manifests.read(made.run.folder / e).files]
    declared = [path for path in files if any(fnmatchcase(path, p) for p in step.reads)]
    assert declared
    recorded = manifests.read(made.run.folder / name).inputs
    for changed in (None, *files):
        run = second_run(tmp_path, made, changed, name)
        inputs = inputs_of(step, Context(run, config, emit=lambda _: None))
        assert (inputs != recorded) == (changed in declared), changed
        if not step.belongs_to_run:
            same_work = pipeline._find_same(run, name, inputs)
            assert (same_work is None) == (changed in declared), changed
    counting.report(
        f"{name}: files of earlier steps changed one by one",
        done_again=len(declared),
        taken_over=len(files) - len(declared),
    )


def test_a_changed_file_of_the_project_changes_the_inputs_of_the_steps_that_declare_it(
    made: Made, tmp_path: Path
) -> None:
    own = check({**made.run.config().model_dump(mode="json"), "model": {"architecture": "n:b"}}, "")
    run = second_run(tmp_path, made, None, "gate")
    files = ("known_issues.yaml", "network.py", "layers/head.py", "notes.txt", ".hidden/x.py")

    def inputs() -> dict[str, dict[str, str]]:
        context = Context(run, own, emit=lambda _: None)
        return {n: inputs_of(steps.get(n), context) for n in steps.ORDER[1:]}

    changed = {}
    for name in files:
        before = inputs()
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1\n")
        after = inputs()
        changed[name] = {step for step in after if after[step] != before[step]}
    built = {"train", "evaluate", "export"}
    assert changed == dict(zip(files, ({"document"}, built, built, set(), set()), strict=True))


def test_a_changed_checkpoint_trained_elsewhere_is_another_training(
    made: Made, tmp_path: Path
) -> None:
    run = second_run(tmp_path, made, None, "train")
    record = run.record().model_copy(update={"checkpoint": "given.pt"})
    (run.folder / "run.json").write_text(record.model_dump_json())
    found = []
    for content in ("1", "2"):
        (tmp_path / "given.pt").write_text(content)
        context = Context(run, made.run.config(), emit=lambda _: None)
        found.append(inputs_of(steps.get("train"), context))
    assert found[0] != found[1]


@pytest.mark.parametrize("name", ["train", "evaluate", "export", "verify", "benchmark"])
def test_images_that_changed_since_the_data_step_are_refused(
    name: str, made: Made, tmp_path: Path
) -> None:
    lean = lean_copy(steps.get(name), made, tmp_path / "lean")
    image = next((lean.project / DATA / "val").rglob("*.png"))
    image.write_bytes(next((lean.project / DATA / "train").rglob("*.png")).read_bytes())
    with pytest.raises(InputError, match="the images, labels and splits that run"):
        do(steps.get(name), lean)
    assert not (lean.folder / name / manifests.MANIFEST).exists()


def test_a_changed_image_is_another_data_set(made: Made, tmp_path: Path) -> None:
    project = lean_copy(steps.get("data"), made, tmp_path / "lean").project
    run, found = Run(project, made.run.id), []
    for _ in range(2):
        context = Context(run, made.run.config(), emit=lambda _: None)
        found.append(inputs_of(steps.get("data"), context))
        image = next((project / DATA).rglob("*.png"))
        image.write_bytes(image.read_bytes() + b"\0")
    assert found[0] == manifests.read(made.run.folder / "data").inputs
    assert found[1] != found[0]


_TIMES = re.compile(
    r"(.*_)?seconds|images_per_second|load_average|.*_ms|(peak|gpu)_memory_mb|speedup|latencies"
)
"""Names of what is measured with a clock, or of how much memory was in use."""


def same(first: Path, second: Path) -> bool:
    """Whether two files of a step say the same, times aside."""
    if first.name == manifests.MANIFEST or first.read_bytes() == second.read_bytes():
        return True
    if first.suffix == ".json":
        return equal(*map(_json, (first, second)))
    if first.parent.name == "checkpoints":
        return equal(*(torch.load(path, weights_only=True) for path in (first, second)))
    if first.suffix == ".pt":
        return _records(first) == _records(second)
    if first.name == "training.log":
        texts = (re.sub(r"[\d,]+ images/s +[\d.]+ s", "", p.read_text()) for p in (first, second))
        return len(set(texts)) == 1
    return False


def _json(path: Path) -> Any:
    found = json.loads(path.read_bytes())
    if path.name == manifests.RECORD:
        # Of files that are compared themselves, and hold times or a number of PyTorch's own.
        for named in (*found.get("checkpoints", ()), *found.get("artifacts", ())):
            named.pop("sha256", None)
    return found


def _records(path: Path) -> dict[str, bytes]:
    """What an archive of PyTorch holds, but for the number that PyTorch gives each archive."""
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith("/.data/serialization_id")
        }


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict) and isinstance(second, dict):
        kept = [{k for k in one if not _TIMES.fullmatch(str(k))} for one in (first, second)]
        return kept[0] == kept[1] and all(equal(first[k], second[k]) for k in kept[0])
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)
