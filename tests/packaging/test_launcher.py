"""``bin/seatrial`` and ``make`` find the environment, or make it once, whoever is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
VERSION = "1.2.3"

# Plays uv and pip: says that it has begun, waits to be told to go on, and leaves an environment
# whose interpreter prints how it was called.
INSTALLER = """#!/bin/sh
set -eu
echo "$PPID $*" >> "{base}/calls"
echo ERROR: an example of a reason
if [ -e "{base}/begun" ]; then echo begun > "{base}/begun"; read -r go < "{base}/go"; fi
[ ! -e "{base}/fail" ] || exit 1
mkdir -p "$1/bin" "$1/lib/python3.11/site-packages/seatrial-{version}.dist-info"
printf '#!/bin/sh\\necho "$@"\\nexit ${{CODE:-0}}\\n' > "$1/bin/python"
chmod +x "$1/bin/python"
"""


class Bench:
    """A copy of what the launcher needs, in a folder with a space, and an installer to steer."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "a plugin"
        for name in ("bin/seatrial", "tools/find_python.sh", "tools/make_environment.py"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, self.root / name)
        self.set_version(VERSION)
        installer = base / "installer"
        installer.write_text(INSTALLER.format(base=base, version=VERSION))
        installer.chmod(0o755)
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHON": sys.executable,
            "HOME": str(base / "home"),
            "SEATRIAL_INSTALLER": str(installer),
        }
        self.kept = base / "home/.local/share/seatrial" / f"venv-{VERSION}"
        self.started: list[subprocess.Popen[str]] = []

    def set_version(self, version: str) -> None:
        (self.root / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(self.root / "bin/seatrial"), *arguments],
            env=self.environment | extra,
            cwd=self.base,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **extra: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **extra)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def hold(self) -> None:
        """From now on the installer waits after it has begun."""
        os.mkfifo(self.base / "begun")
        os.mkfifo(self.base / "go")

    def wait_until_begun(self) -> None:
        assert (self.base / "begun").read_text() == "begun\n"

    def let_go(self) -> None:
        (self.base / "go").write_text("go\n")

    def calls(self) -> list[str]:
        path = self.base / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_an_environment_is_made_once_with_one_line_of_progress(bench: Bench) -> None:
    code, out, err = bench.run("status", "a b", "--json", CODE="4")
    assert (code, out) == (4, "-P -m seatrial.cli.main status a b --json\n")
    assert err.count("\n") == 1
    assert str(bench.kept) in err
    assert bench.run("--help") == (0, "-P -m seatrial.cli.main --help\n", "")
    assert len(bench.calls()) == 1
    assert bench.calls()[0].endswith(f"{bench.kept} {bench.root}")


def test_callers_at_the_same_time_wait_for_one_installation(bench: Bench) -> None:
    bench.hold()
    first = bench.start("one")
    bench.wait_until_begun()
    others = [bench.start("two"), bench.start("three")]
    for other in others:
        assert "making" in other.stderr.readline()
    bench.let_go()
    answers = [process.communicate(timeout=30)[0] for process in (first, *others)]
    assert answers == [f"-P -m seatrial.cli.main {name}\n" for name in ("one", "two", "three")]
    assert len(bench.calls()) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_installation_goes_on_when_its_caller_is_stopped(
    bench: Bench, how: signal.Signals
) -> None:
    bench.hold()
    first = bench.start("one")
    bench.wait_until_begun()
    os.killpg(first.pid, how)
    first.communicate(timeout=30)
    assert first.returncode != 0
    second = bench.start("two")
    assert "making" in second.stderr.readline()
    bench.let_go()
    assert second.communicate(timeout=30)[0] == "-P -m seatrial.cli.main two\n"
    assert len(bench.calls()) == 1


def test_a_failed_installation_says_why_and_where_and_the_next_call_begins_anew(
    bench: Bench,
) -> None:
    (bench.base / "fail").touch()
    code, out, err = bench.run("--help")
    log = bench.kept.with_name(f"{bench.kept.name}.log")
    assert (code, out) == (3, "")
    assert "ERROR: an example of a reason" in log.read_text()
    assert "could not be made: " in err
    assert str(log) in err
    (bench.kept / "half").touch()
    (bench.base / "fail").unlink()
    assert bench.run("--help")[0] == 0
    assert not (bench.kept / "half").exists()


def test_an_installer_that_outlives_its_maker_is_waited_for_and_its_work_made_anew(
    bench: Bench,
) -> None:
    bench.hold()
    first = bench.start("one")
    bench.wait_until_begun()
    maker = int(bench.calls()[0].split()[0])
    os.kill(maker, signal.SIGKILL)
    assert "could not be made" in first.communicate(timeout=30)[1]
    assert first.returncode == 3
    second = bench.start("two")
    assert "making" in second.stderr.readline()
    assert len(bench.calls()) == 1
    bench.let_go()
    bench.wait_until_begun()
    bench.let_go()
    assert second.communicate(timeout=30)[0] == "-P -m seatrial.cli.main two\n"
    assert len(bench.calls()) == 2


def test_a_new_version_gets_an_environment_of_its_own_and_the_old_one_stays(bench: Bench) -> None:
    bench.run("--help")
    bench.set_version("1.3.0")
    bench.run("--help")
    newer = bench.kept.with_name("venv-1.3.0")
    assert [call.split()[1] for call in bench.calls()] == [str(bench.kept), str(newer)]
    bench.set_version(VERSION)
    bench.run("--help")
    assert len(bench.calls()) == 2


def test_a_checkout_is_installed_in_place(bench: Bench) -> None:
    (bench.root / ".git").mkdir()
    assert bench.run("--help")[0] == 0
    assert bench.calls()[0].endswith(f"{bench.root}/.venv -e {bench.root}")


def test_an_environment_that_make_or_a_person_made_is_taken_as_it_is(bench: Bench) -> None:
    subprocess.run(
        [bench.base / "installer", bench.root / ".venv"], check=True, stdout=subprocess.DEVNULL
    )
    assert bench.run("--help")[0] == 0
    assert len(bench.calls()) == 1  # the one above


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_environment_in_place_of_another_checkout_is_not_taken(
    bench: Bench, elsewhere: bool
) -> None:
    subprocess.run(
        [bench.base / "installer", bench.root / ".venv"], check=True, stdout=subprocess.DEVNULL
    )
    tools = "/another/checkout/tools" if elsewhere else bench.root / "tools"
    (packages,) = bench.root.glob(".venv/lib/python3.*/site-packages")
    (packages / "_editable_impl_seatrial.pth").write_text(f"{tools}\n")
    assert bench.run("--help")[0] == 0
    assert len(bench.calls()) == (2 if elsewhere else 1)


def test_the_plugins_data_folder_holds_the_environment_where_there_is_one(bench: Bench) -> None:
    data = bench.base / "data"
    bench.run("--help", CLAUDE_PLUGIN_DATA=str(data))
    assert (data / f"venv-{VERSION}" / "bin/python").exists()


def test_a_link_to_the_launcher_works(bench: Bench) -> None:
    link = bench.base / "link"
    link.symlink_to(bench.root / "bin/seatrial")
    second = bench.base / "second"
    second.symlink_to("link")
    done = subprocess.run([second, "x"], env=bench.environment, capture_output=True, text=True)
    assert done.stdout == "-P -m seatrial.cli.main x\n"


def test_an_interpreter_given_by_hand_is_used_only_with_the_right_version(bench: Bench) -> None:
    code, _, err = bench.run("--help", SEATRIAL_PYTHON=sys.executable)
    assert code == 3
    assert f"seatrial {VERSION} required, 0." in err
    code, _, err = bench.run("--help", SEATRIAL_PYTHON="/bin/false")
    assert code == 3
    assert "none found" in err
    assert bench.calls() == []


def test_without_a_python_that_is_new_enough_nothing_is_made(bench: Bench) -> None:
    old = bench.base / "old"
    old.mkdir()
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        (old / name).symlink_to("/bin/false")
    for name in ("sh", "sed", "cat", "dirname", "grep", "readlink"):
        (old / name).symlink_to(shutil.which(name))
    code, _, err = bench.run("--help", PATH=str(old), PYTHON="")
    assert code == 3
    assert "Python 3.11 or later" in err
    assert bench.calls() == []


def test_a_folder_that_cannot_be_written_is_named(bench: Bench) -> None:
    (bench.base / "home").write_text("a file where a folder is needed")
    code, _, err = bench.run("--help")
    assert code == 3
    assert f"{bench.kept.parent}: cannot write" in err


# Plays every program of .venv/bin: notes its name and arguments, fails if told to.
PROGRAMS = """#!/bin/sh
set -eu
mkdir -p "$1/bin"
for name in python ruff mypy pytest seatrial; do
    printf '#!/bin/sh\\necho "%s $*" >> "{base}/programs"\\n[ "$FAILING" != "%s" ]\\n' \\
        $name $name > "$1/bin/$name"
    chmod +x "$1/bin/$name"
done
echo "$*" >> "{base}/calls"
"""


def run_make(bench: Bench, target: str, failing: str = "none") -> tuple[int, list[str]]:
    shutil.copy(REPOSITORY / "Makefile", bench.root)
    (bench.base / "installer").write_text(PROGRAMS.format(base=bench.base))
    noted = bench.base / "programs"
    noted.unlink(missing_ok=True)
    done = subprocess.run(
        ["make", "-C", str(bench.root), target],
        env=bench.environment | {"FAILING": failing},
        capture_output=True,
        text=True,
    )
    programs = [line.split()[0] for line in noted.read_text().splitlines()]
    return done.returncode, programs


def test_make_test_installs_once_and_runs_every_check(bench: Bench) -> None:
    every = ["ruff", "ruff", "mypy", "mypy", "pytest"]
    assert run_make(bench, "test") == (0, every)
    assert run_make(bench, "test") == (0, every)
    assert bench.calls() == [f"{bench.root}/.venv -e .[dev]"]
    bench.set_version("1.2.4")
    run_make(bench, "test")
    assert len(bench.calls()) == 2


@pytest.mark.parametrize("failing", ["ruff", "mypy", "pytest"])
def test_make_test_fails_when_a_check_fails(bench: Bench, failing: str) -> None:
    code, programs = run_make(bench, "test", failing)
    assert code != 0
    assert programs[-1] == failing


def test_make_demo_runs_the_demo_and_fails_with_it(bench: Bench) -> None:
    assert run_make(bench, "demo") == (0, ["seatrial"])
    assert run_make(bench, "demo", "seatrial")[0] != 0
