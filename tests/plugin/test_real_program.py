"""The real program validates, installs and lists the plugin. Needs npm; says so where it skips."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import repository_copy
import seatrial

PACKAGE = "@anthropic-ai/claude-code"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seatrial-tests"


class Program:
    """``claude`` with an empty home and no other variables: never logged in."""

    def __init__(self, executable: Path, home: Path) -> None:
        self.executable, self.home = executable, home
        home.mkdir()

    def __call__(self, *arguments: str, folder: Path) -> str:
        done = subprocess.run(
            [str(self.executable), "plugin", *arguments],
            cwd=folder,
            env={"HOME": str(self.home), "PATH": "/usr/local/bin:/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def executable() -> Path:
    """The program, installed once a machine into a cache folder."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on PATH: the real validator was not run")
    found = CACHE / "claude-code/node_modules/.bin/claude"
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not found.exists():
                install(npm, CACHE / "claude-code")
        subprocess.run([found, "--version"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"npm could not install {PACKAGE}, the real validator was not run: {error}")
    return found


def install(npm: str, target: Path) -> None:
    """Install into a folder of its own, which gets its name once it is whole."""
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    options = ["--no-fund", "--no-audit", "--loglevel=error"]
    subprocess.run(
        [npm, "install", *options, "--prefix", str(fresh), PACKAGE],
        check=True,
        capture_output=True,
        timeout=180,
    )
    fresh.replace(target)


@pytest.fixture
def program(executable: Path, tmp_path: Path) -> Program:
    return Program(executable, tmp_path / "home")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return repository_copy.copy(tmp_path / "clone")


def test_marketplace_and_plugin_pass_the_strict_validator(program: Program, clone: Path) -> None:
    for manifest in (".", ".claude-plugin/plugin.json"):
        assert "Validation passed" in program("validate", "--strict", manifest, folder=clone)


def test_the_strict_validator_refuses_a_broken_plugin(program: Program, clone: Path) -> None:
    (clone / "CLAUDE.md").write_text("# not allowed at the root of a plugin\n")
    with pytest.raises(AssertionError):
        program("validate", "--strict", ".claude-plugin/plugin.json", folder=clone)


def test_the_strict_validator_reads_the_hooks(program: Program, clone: Path) -> None:
    hooks = clone / "hooks/hooks.json"
    text = hooks.read_text()
    for old, new in (("PreToolUse", "BeforeTool"), ('"type": "command"', '"type": "order"')):
        hooks.write_text(text.replace(old, new))
        with pytest.raises(AssertionError, match="hooks"):
            program("validate", "--strict", ".claude-plugin/plugin.json", folder=clone)


def test_the_plugin_installs_lists_without_errors_runs_and_goes(
    program: Program, clone: Path
) -> None:
    program("marketplace", "add", "./", folder=clone)
    program("install", "seatrial@seatrial", folder=clone)
    (entry,) = json.loads(program("list", "--json", folder=clone))
    assert (entry["id"], entry["version"]) == ("seatrial@seatrial", seatrial.__version__)
    assert entry["enabled"]
    assert not entry.get("errors")
    details = program("details", "seatrial", folder=clone)
    assert "Skills (3)  approve, finalize, seatrial" in details
    assert "Hooks (1)  PreToolUse" in details

    installed = Path(entry["installPath"])
    assert installed.is_relative_to(program.home)
    shipped = ("checklists/production_ready.yaml", "hooks/refuse_approving.sh")
    for name in ("phases/05_finalization/workflow.md", *shipped):
        assert (installed / name).read_bytes() == (clone / name).read_bytes()
    ran = subprocess.run(
        [installed / "bin/seatrial", "--version"],
        env={"PATH": "/usr/bin:/bin", "SEATRIAL_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    )
    assert seatrial.__version__ in ran.stdout

    program("uninstall", "seatrial@seatrial", folder=clone)
    assert json.loads(program("list", "--json", folder=clone)) == []
