"""Nothing that a stranger wrote is run: not by loading, by rendering, by naming, or by git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reliability.counting import full, report
from reliability.doors import DOORS, FORGED, Door, Ended, forked, make_project, seatrial, warm
from reliability.payloads import Payload, graphs, models, pickles, repositories, texts
from seatrial.artifacts import take
from seatrial.errors import InputError
from seatrial.evidence import lineage
from seatrial.files import sha256_file
from seatrial.gates.archives import unsafe
from seatrial.reports.render import fill, literal

PAYLOADS = (*pickles.PAYLOADS, *models.PAYLOADS, *graphs.PAYLOADS, *texts.PAYLOADS)
MOST_SECONDS = 60
"""No bound of a promise, but a stop for what would take memory or time without end."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warm()
    return make_project(tmp_path_factory.mktemp("doors") / "project")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def assert_silent(ended: Ended, door: Door, payload: Payload, canary: Path) -> None:
    what = f"{payload.name} through {door.name}: {ended}"
    assert not canary.exists(), what
    assert ended.code in door.codes, what
    assert "Traceback" not in ended.err, what
    assert len(ended.complaints) == 1 or ended.code in (0, 1), what
    assert ended.seconds < MOST_SECONDS, what


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: p.name)
def test_each_payload_is_live(payload: Payload, tmp_path: Path, canary: Path) -> None:
    path = payload.write(tmp_path / "files", canary)
    assert not canary.exists(), "building a payload is not to fire it"

    def careless() -> None:
        if payload.fire(path) is True:
            canary.touch()

    ended = forked(careless, path.parent)
    assert canary.exists(), ended.err


def pairs(doors: tuple[Door, ...], payloads: tuple[Payload, ...]) -> list[tuple[Door, Payload]]:
    """Every payload with every door that it fits; a sample of doors unless all are asked for."""
    found = []
    for number, payload in enumerate(payloads):
        fitting = [door for door in doors if door.takes(payload.suffix)]
        chosen = fitting if full() else [fitting[number % len(fitting)]]
        found += [(door, payload) for door in chosen]
    return found


def test_no_payload_runs_whichever_door_it_comes_through(
    project: Path, tmp_path: Path, canary: Path
) -> None:
    through = pairs(DOORS, PAYLOADS)
    for door, payload in through:
        path = payload.write(tmp_path / "files", canary)
        assert_silent(door.call(project, path), door, payload, canary)
    report(
        "hostile files, none of which ran",
        payloads=len(PAYLOADS),
        doors=len({door.name for door, _ in through}),
        ways_in=len(through),
    )


@pytest.mark.parametrize(
    "payload", [p for p in PAYLOADS if p.suffix in (".pt", ".pt2", ".onnx")], ids=lambda p: p.name
)
def test_no_payload_is_taken_for_an_export_or_passes_the_gate(
    payload: Payload, tmp_path: Path, canary: Path
) -> None:
    path = payload.write(tmp_path / "files", canary)
    assert unsafe(path) is not None
    if payload.suffix != ".onnx":  # those onnx_sessions refuses, which the other doors show
        (tmp_path / "copy").mkdir()
        with pytest.raises(InputError, match="no export of ours"):
            take(path.name, sha256_file(path), path.parent, tmp_path / "copy")
        assert not any((tmp_path / "copy").iterdir())


def test_a_file_changed_linked_or_named_out_of_its_folder_is_not_taken(tmp_path: Path) -> None:
    source, target = tmp_path / "export", tmp_path / "copy"
    source.mkdir()
    target.mkdir()
    (source / "m.onnx").write_bytes(b"x")
    (tmp_path / "outside.onnx").write_bytes(b"x")
    digest = sha256_file(source / "m.onnx")
    (source / "link.onnx").symlink_to(tmp_path / "outside.onnx")
    for name, words in (
        ("../outside.onnx", "in the export's folder"),
        (str(tmp_path / "outside.onnx"), "in the export's folder"),
        ("link.onnx", "a link"),
    ):
        with pytest.raises(InputError, match=words):
            take(name, digest, source, target)
    with pytest.raises(InputError, match="changed since"):
        take("m.onnx", "0" * 64, source, target)
    assert take("m.onnx", digest, source, target).read_bytes() == b"x"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a whole release."""
    folder = make_project(tmp_path_factory.mktemp("released") / "project")
    ended = seatrial(folder, "finalize", "--config", "config.yaml")
    assert ended.code == 1, ended
    return folder


@pytest.mark.skipif(not full(), reason="make torture: each is a run of its own")
def test_no_payload_runs_from_a_forged_run(released: Path, tmp_path: Path, canary: Path) -> None:
    through = pairs(FORGED, tuple(p for p in PAYLOADS if FORGED[0].takes(p.suffix)))
    for number, (door, payload) in enumerate(through):
        project = tmp_path / str(number) / "project"
        shutil.copytree(released, project)
        path = payload.write(tmp_path / "files", canary)
        assert_silent(door.call(project, path), door, payload, canary)
        shutil.rmtree(project.parent)
    report("forged runs, from which nothing ran", ways_in=len(through))


def test_a_planted_attempt_cannot_choose_the_code_that_runs(project: Path, canary: Path) -> None:
    (project / "evil.py").write_text(f"open({str(canary)!r}, 'w')\n")
    payload = project / "last.pt"
    payload.write_bytes(b"no checkpoint")
    from reliability.doors import plant_attempt

    run = plant_attempt(project, payload)
    text = (project / "runs" / run / "config.yaml").read_text()
    changed = text.replace("architecture: simple_cifar_net", "architecture: evil:build")
    assert changed != text
    (project / "runs" / run / "train" / "config.yaml").write_text(changed)
    ended = seatrial(project, "train", "--resume", run)
    assert (ended.code, len(ended.complaints)) == (3, 1), ended
    assert "another training" in ended.complaints[0]
    assert not canary.exists()


@pytest.mark.parametrize("text", texts.TEMPLATES)
def test_a_name_is_no_template(text: str, tmp_path: Path) -> None:
    place = tmp_path / "canary"
    code = text.replace("CANARY", repr(str(place)))
    texts.render(code)
    assert place.is_dir(), "the template is to be live"
    place.rmdir()
    preprocessing = {
        "height": 1, "width": 1, "channels": 1, "embedded": False, "mean": [0.0], "std": [1.0],
        "formats": [code], "mode": code, "resize": "stretch", "filter": "BILINEAR",
    }  # fmt: skip
    assert literal(code) in fill("_preprocessing.py.j2", {"code": preprocessing})
    assert not place.exists()


@pytest.mark.parametrize("text", texts.SHELL)
def test_a_name_of_a_file_reaches_no_shell_and_no_terminal(
    project: Path, text: str, tmp_path: Path, honest: Path
) -> None:
    live = tmp_path / "CANARY"
    texts.shell(text, tmp_path)
    assert live.is_dir(), "the name is to be live"
    name = text.replace("/", "") + "\x1b[2J\u202e.png"
    place = tmp_path / "named"
    place.mkdir()
    shutil.copyfile(project / "images/test/day/00.png", place / name)
    (place / f"{name}.bad.png").write_bytes(b"no image")
    ended = seatrial(place, "predict", "--model", honest, "--input", ".")
    assert ended.code == 3, ended
    assert not list(place.rglob("CANARY"))
    for shown in (ended.out, ended.err):
        assert all(c.isprintable() or c in "\n\t" for c in shown)
    assert len(ended.complaints) == 1


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_onnx import save_model

    return save_model(tmp_path_factory.mktemp("honest") / "m.onnx")


@pytest.mark.skipif(not full(), reason="make torture: a whole release")
def test_a_release_with_hostile_names_runs_none_and_stays_in_shape(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    names = (*texts.TEMPLATES, *texts.SHELL, *texts.LOOKS)
    rows = ["path,label,split"]
    images = sorted((project / "images/train").rglob("*.png"))
    for number, name in enumerate(names):
        quoted = '"' + name.replace('"', '""') + '"'
        for split, copies in (("train", 3), ("val", 2), ("test", 2)):
            for copy in range(copies):
                source = images[(number + copy) % len(images)]
                target = project / "images" / f"{number}_{split}_{copy}.png"
                _tinted(source, target, number * 7 + copy + len(split))
                rows.append(f"{target.name},{quoted},{split}")
    (project / "images" / "list.csv").write_text("\n".join(rows) + "\n")
    config = (project / "config.yaml").read_text()
    config = config.replace("source: folder, root: images", "source: csv, root: images/list.csv")
    config += f"documents: {{purpose: {texts.TEMPLATES[0]!r}}}\n"
    (project / "config.yaml").write_text(config)
    ended = seatrial(project, "finalize", "--config", "config.yaml")
    assert "Traceback" not in ended.err, ended
    assert ended.code in (1, 2, 3), ended
    assert not list(project.rglob("CANARY"))
    assert all(c.isprintable() or c in "\n\t" for c in ended.out + ended.err)
    documents = [p for p in project.rglob("*.md") if "runs" not in p.parts]
    for path in documents:
        text = path.read_text()
        assert all(c.isprintable() or c in "\n" for c in text), path
        assert "<script>" not in text.replace("\\<", ""), path
    report("hostile names in a release", names=len(names), documents=len(documents))


def _tinted(source: Path, target: Path, shade: int) -> None:
    from PIL import Image

    with Image.open(source) as image:
        image.point(lambda value: (value + shade) % 256).save(target)


@pytest.mark.parametrize("trap", repositories.TRAPS, ids=lambda t: t.name)
def test_git_starts_nothing_that_a_repository_names(
    trap: repositories.Trap, tmp_path: Path, canary: Path
) -> None:
    def lay(folder: Path) -> Path:
        repository = repositories.make(folder)
        trap.lay(repository, repositories.script(tmp_path, canary, trap.rest))
        if trap.name == "diff textconv":
            (repository / ".gitattributes").write_text("*.py diff=x\n")
        if trap.name.startswith("diff"):
            (repository / "code.py").write_text("2\n")
        (repository / "report.md").write_text("report\n")
        canary.unlink(missing_ok=True)
        return repository

    live = lay(tmp_path / "live")
    for command in trap.spring:
        repositories.git(live, *command)
    assert canary.exists(), "git itself is to spring the trap"
    silent = lay(tmp_path / "silent")
    assert lineage.describe(silent, ()).commit is not None
    assert lineage.commit_files(silent, ["report.md"], "Document") is not None
    assert not canary.exists()


def test_a_clone_that_looks_like_a_bare_repository_does_not_bring_its_own_configuration(
    tmp_path: Path, canary: Path
) -> None:
    project = repositories.make(tmp_path / "project")
    program = repositories.script(tmp_path, canary)
    inner = tmp_path / "inner"
    repositories.make(inner)
    repositories.git(inner, "config", "core.fsmonitor", str(program))
    for name in ("HEAD", "config", "objects", "refs"):
        source = inner / ".git" / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, project / name)
    canary.unlink(missing_ok=True)
    found = lineage.describe(project, ())
    assert found.commit == repositories.git(project, "rev-parse", "HEAD").strip()
    assert not canary.exists()


def test_the_users_own_hooks_and_programs_stand(
    tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is neutralised is what the repository names: otherwise nothing could be signed."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    program = repositories.script(tmp_path, canary)
    (hooks / "pre-commit").write_text(program.read_text())
    (hooks / "pre-commit").chmod(0o755)
    own = tmp_path / "gitconfig"
    own.write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    project = repositories.make(tmp_path / "project")
    canary.unlink(missing_ok=True)
    (project / "report.md").write_text("report\n")
    lineage.commit_files(project, ["report.md"], "Document")
    assert canary.exists()


SHADOWED = ("click", "json", "logging", "numpy", "onnxruntime", "pathlib", "torch", "yaml")
STARTS = (
    ("-m", "seatrial"),
    ("-m", "seatrial.cli.main"),
    (str(Path(sys.executable).parent / "seatrial"),),
)


@pytest.mark.parametrize("start", STARTS, ids=lambda s: " ".join(s).rpartition("/")[2])
def test_no_file_of_the_project_stands_in_for_a_library(
    start: tuple[str, ...], project: Path, tmp_path: Path, honest: Path
) -> None:
    for name in (*SHADOWED, "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text(f"open('ran_{name}', 'w')\n")
    command = [sys.executable, *start] if start[0] == "-m" else [*start]
    image = project / "images/test/day/00.png"
    done = subprocess.run(
        [*command, "predict", "--model", honest, "--input", image],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done
    assert not list(tmp_path.glob("ran_*"))
