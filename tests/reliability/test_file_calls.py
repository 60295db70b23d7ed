"""The recorder of file system calls sees everything: proved against the kernel's own list."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reliability.commit_paths import PATHS, CommitPath, settled
from reliability.counting import report
from reliability.file_calls import CHANGES, Kill, Refuse, watched

TESTS = Path(__file__).parents[1]
_SYSTEM_CALLS = {
    "open": "open", "openat": "open", "creat": "open", "write": "write", "pwrite64": "write",
    "writev": "write", "sendfile": "write", "copy_file_range": "write", "fsync": "fsync",
    "fdatasync": "fsync", "rename": "rename", "renameat": "rename", "renameat2": "rename",
    "link": "link", "linkat": "link", "symlink": "link", "symlinkat": "link", "unlink": "unlink",
    "unlinkat": "unlink", "mkdir": "mkdir", "mkdirat": "mkdir", "rmdir": "rmdir",
    "truncate": "truncate", "ftruncate": "truncate",
}  # fmt: skip
_LINE = re.compile(r"^\d+\s+(?P<name>\w+)\((?P<arguments>.*)$")
_DRAWN = (
    (re.compile(r"\.[0-9a-f]{8}\."), ".drawn."),
    (re.compile(r"Z-(\w+)-[0-9a-f]{4}"), r"Z-\1"),
)


def same_names(path: str) -> str:
    """The path without what is drawn at random in it."""
    for pattern, replacement in _DRAWN:
        path = pattern.sub(replacement, path)
    return path


def traced(line: str, root: str) -> tuple[str, ...] | None:
    """A line of strace as kind and paths, and the bytes of a write; None if it changes nothing."""
    found = _LINE.match(line)
    if found is None or not re.search(rf"{re.escape(root)}[/\">]", line) or "resumed>" in line:
        return None
    kind, arguments = _SYSTEM_CALLS[found["name"]], found["arguments"]
    if kind == "open" and not re.search(r"O_(CREAT|TRUNC|WRONLY|RDWR)", arguments):
        return None
    named = re.findall(rf"{re.escape(root)}(/[^\">]*)?[\">]", arguments)
    paths = [same_names(name.lstrip("/") or ".") for name in named]
    wanted = 2 if kind in ("rename", "link") else 1
    if kind == "write":
        size = re.search(r", (\d+)(\) |\s|$)", arguments.rsplit("=", 1)[0])
        assert size is not None, line
        return kind, paths[0], size[1]
    return kind, *paths[:wanted]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder in which a process has taken every path, and the lines of ``strace`` about it."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    root = tmp_path_factory.mktemp("followed")
    for number, path in enumerate(PATHS):
        (root / str(number)).mkdir()
        path.prepare(root / str(number))
    log = root / "strace"
    command = ["strace", "-f", "-y", "-s", "0", "-o", str(log), "-e", ",".join(_SYSTEM_CALLS)]
    if (
        "--seccomp-bpf"
        in subprocess.run(["strace", "--help"], capture_output=True, text=True).stdout
    ):
        command.append("--seccomp-bpf")  # stops at these calls only: faster by half
    program = [sys.executable, "-m", "reliability.commit_paths", str(root)]
    done = subprocess.run(
        [*command, *program], cwd=TESTS, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return root, log.read_text().splitlines()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_call_that_strace_sees_is_recorded_in_its_place(
    path: CommitPath, followed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    root, lines = followed
    path.prepare(tmp_path)
    with settled(), watched(tmp_path) as watch:
        path.act(tmp_path)
    here = str(root / str(PATHS.index(path)))
    expected = [call for line in lines if (call := traced(line, here)) is not None]
    found = []
    for call in watch.calls:
        if call.kind in CHANGES:
            names = [same_names(name) for name in (call.path, call.target) if name]
            size = [str(len(call.data))] if call.kind == "write" else []
            found.append((call.kind, *names, *size))
    assert found == expected
    report(f"recorded as strace sees it in {path.name}", calls=len(found))


def test_a_kill_comes_before_its_call_and_in_the_middle_of_a_write(tmp_path: Path) -> None:
    for midway, left in ((False, b""), (True, b"abc")):
        child = os.fork()
        if child == 0:
            with watched(tmp_path, Kill(1, midway=midway)), (tmp_path / "a").open("wb") as stream:
                stream.write(b"abcdef")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert (tmp_path / "a").read_bytes() == left


def test_a_refused_call_is_not_made_and_the_others_are(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    with watched(tmp_path, Refuse(0, 28)) as watch:
        with pytest.raises(OSError, match="No space"):
            os.replace(tmp_path / "b", tmp_path / "c")  # noqa: PTH105
        (tmp_path / "b").rename(tmp_path / "d")
    assert [call.kind for call in watch.calls] == ["rename", "rename"]
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
