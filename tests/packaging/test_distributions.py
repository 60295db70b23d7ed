"""A wheel, an sdist and an editable install all have what Seatrial needs beside its code."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import repository_copy
import seatrial
from seatrial.cli.main import COMMANDS

KINDS = ("templates", "checklists", "configs", "phases")
LIGHT = ("gates", "reports", "serving", "serving.predictor", "serving.load_test", "cli.main")
HEAVY = ("torch", "torchvision", "matplotlib", "sklearn", "onnxruntime", "lightning_fabric")


@dataclass
class Distributions:
    source: Path
    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist, and the wheel that is built from what the sdist holds."""
    folder = tmp_path_factory.mktemp("build")
    source = repository_copy.copy(folder / "source")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
    )
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(source, sdist, wheel)


class Installed:
    """An environment of its own that borrows every dependency from the one that runs the test."""

    def __init__(self, folder: Path, *requirements: str) -> None:
        venv.create(folder, symlinks=True)
        self.folder = folder
        self.python = folder / "bin/python"
        (borrowed,) = folder.glob("lib/python3.*/site-packages")
        (borrowed / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [sys.executable, "-m", "pip", "--python", self.python]
        options = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
        subprocess.run([*pip, "install", *options, *requirements], check=True, capture_output=True)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def places(installed: Installed) -> dict[str, str]:
    """Where the package and each kind of resource is found."""
    code = (
        "import json, seatrial; from seatrial.resources import shipped;"
        f" places = {{kind: str(shipped(kind)) for kind in {KINDS}}};"
        " print(json.dumps(places | {'package': seatrial.__file__}))"
    )
    found: dict[str, str] = json.loads(installed.run("python", "-c", code))
    return found


def resources(root: Path) -> dict[str, bytes]:
    """Every shipped file below ``root`` by its relative path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for kind in KINDS
        for path in sorted((root / kind).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def test_the_sdist_holds_the_repository_and_nothing_else(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    source = distributions.source
    files = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert names - {"PKG-INFO"} == files


def test_the_wheel_holds_package_resources_and_licence_only(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {
        "seatrial", f"seatrial-{seatrial.__version__}.dist-info",
    }  # fmt: skip
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "seatrial/py.typed" in names


def test_an_installed_wheel_has_every_resource_and_the_command(
    distributions: Distributions, tmp_path: Path
) -> None:
    installed = Installed(tmp_path / "env", str(distributions.wheel))
    found = places(installed)
    package = Path(found.pop("package")).parent
    assert package.is_relative_to(tmp_path / "env")
    assert found == {kind: str(package / "shipped" / kind) for kind in KINDS}
    shipped = resources(package / "shipped")
    assert shipped == resources(distributions.source)
    assert "checklists/production_ready.yaml" in shipped
    assert "phases/05_finalization/workflow.md" in shipped
    assert seatrial.__version__ in installed.run("seatrial", "--version")
    help_page = installed.run("seatrial", "--help")
    assert all(verb in help_page for verb in COMMANDS)


def test_an_editable_install_reads_the_files_of_the_checkout(
    distributions: Distributions, tmp_path: Path
) -> None:
    installed = Installed(tmp_path / "env", "-e", str(distributions.source))
    found = places(installed)
    assert found.pop("package") == str(distributions.source / "tools/seatrial/__init__.py")
    assert found == {kind: str(distributions.source / kind) for kind in KINDS}


def imported(code: str) -> set[str]:
    """The heavy libraries that are imported once ``code`` has run."""
    report = f"import json, sys; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", LIGHT)
def test_what_judges_or_serves_imports_without_torch(module: str) -> None:
    allowed = {"onnxruntime"} if module.startswith("serving.") else set()
    assert imported(f"import seatrial.{module}") <= allowed


@pytest.mark.parametrize("verb", [None, *COMMANDS])
def test_help_needs_no_heavy_library_and_each_verb_is_a_script(verb: str | None) -> None:
    module = f"seatrial.cli.{'main' if verb is None else verb.replace('-', '_')}"
    code = (
        "import runpy, sys\n"
        "sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code, stop.code"
    )
    assert imported(code) == set()


@pytest.mark.parametrize("verb", ["finalize", "load-test"])
def test_a_verb_runs_with_python_m(verb: str) -> None:
    command = [sys.executable, "-m", f"seatrial.cli.{verb.replace('-', '_')}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage:")
