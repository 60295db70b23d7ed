"""An audit of a release of 1 GiB, beside a bare loop of SHA-256 over the same files.

    python benchmarks/audit.py [--json]

The release is one that the program made of handwritten digits, without int8. Checkpoints of random
bytes are put into its training step until run and published files together hold 1 GiB; manifests,
documents and verdicts are made to fit, so that the audit has nothing to name. Both read from the
page cache, each in a process of its own, and are timed in turn; the figure is the better of three.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import reporting
from reporting import Figure

TESTS = Path(__file__).parents[1] / "tests"
GIB = 1 << 30
MOST_SECONDS = 5.0
REPEATS = 3
EXTRA_FILES = 8

BARE = """
import hashlib, sys
for path in sys.stdin.read().splitlines():
    with open(path, "rb") as stream:
        hashlib.file_digest(stream, "sha256")
"""


def measure(_asked: argparse.Namespace) -> Sequence[Figure]:
    """Seconds a GiB of the audit, and its ratio to the bare loop."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        _make_release(project)
        paths = [p for p in project.rglob("*") if p.is_file() and ".git" not in p.parts]
        sizes = sum({p.stat().st_ino: p.stat().st_size for p in paths}.values())
        audit = [sys.executable, "-P", "-m", "seatrial", "audit"]
        bare = [sys.executable, "-c", BARE]
        listed = "\n".join(map(str, paths))
        _seconds(bare, project, listed)  # into the page cache
        rounds = [
            (_seconds(audit, project), _seconds(bare, project, listed)) for _ in range(REPEATS)
        ]
    best, loop = (min(times) for times in zip(*rounds, strict=True))
    gibibytes = sizes / GIB
    return [
        Figure("`audit`, warm, a GiB", best / gibibytes, "s", at_most=MOST_SECONDS),
        Figure("`audit` against a bare loop of SHA-256", best / loop, "×"),
        Figure("bare loop of SHA-256, a GiB", loop / gibibytes, "s"),
        Figure("size of the release", gibibytes, "GiB"),
    ]


def _seconds(command: Sequence[str], project: Path, given: str = "") -> float:
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=project, input=given, text=True, capture_output=True, check=False
    )
    elapsed = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return elapsed


def _make_release(project: Path) -> None:
    """A release of the tests' small images, and as many bytes more as it takes."""
    # This very file is named as the package of the tests is.
    sys.path[:] = [str(TESTS), *(p for p in sys.path if Path(p).resolve() != Path(__file__).parent)]
    from audit import conftest as release
    from audit.forger import reseal

    project.mkdir()
    release.begin_project(project)
    reporting.note("making a release")
    maker = release.run(project)
    judge = release.judge(project)
    folder = project / "runs" / maker / "train" / "checkpoints"
    # Each stands in the run and among the published files.
    share = GIB // (2 * EXTRA_FILES)
    for number in range(EXTRA_FILES):
        (folder / f"epoch_{number:02}.pt").write_bytes(os.urandom(share))
    made = release.Made(project, maker, maker, judge, project / "none", project)
    reseal(made)


if __name__ == "__main__":
    sys.exit(reporting.main(__doc__, measure))
