"""Malformed input of every kind, through the real command line: a line, a code, and no harm done.

Each case runs in a process of its own, forked from one that has everything imported, and may take
2 s of processor time and 1 GiB of memory. ``malformed/`` has a module for each kind of input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from reliability.counting import full, report
from reliability.malformed import seed
from reliability.malformed.case import GROWTH_KB, Case, Ending, WarmProcess, everything

QUICK_CASES_A_KIND = 3
NO_KIND = ("case", "seed", "warm", "pictures")
KINDS = sorted(
    path.stem
    for path in (Path(__file__).parent / "malformed").glob("*.py")
    if path.stem not in NO_KIND
)
CASES = {kind: import_module(f"reliability.malformed.{kind}").CASES for kind in KINDS}

_NEW_RUN = re.compile(r"^project/runs(/\.publish\.lock|/\d{8}T\d{6}Z-[a-z-]+-[0-9a-f]{4}(/|$))")
_PUBLISHED = (
    "project/results", "project/docs", "project/models", "project/checkpoints",
    "project/configs", "project/final_report.md",
)  # fmt: skip
_TEMPORARY = ("tmp/", "home/.cache", "home/.config")
"""Where libraries keep things between calls, in a home folder of the case's own."""


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmProcess]:
    process = WarmProcess()
    yield process
    process.close()


@pytest.fixture(scope="session")
def healthy(warm: WarmProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seed.make(warm, tmp_path_factory.mktemp("seed") / "sandbox")


def _changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )


def _is_allowed(name: str, case: Case, before: dict[str, str]) -> bool:
    if name.startswith(_TEMPORARY):
        return True
    if _NEW_RUN.match(name):
        return name not in before or case.resumes
    return case.publishes and name.startswith(_PUBLISHED)


def _check_lines(case: Case, ending: Ending) -> None:
    lines = ending.stderr.splitlines()
    assert "Traceback" not in ending.stderr, ending.stderr
    assert ending.code == case.code, (ending.code, ending.stderr)
    if not case.trains:
        assert all(line.startswith("seatrial: ") for line in lines), ending.stderr
        assert len(lines) == case.lines if case.lines is not None else lines, ending.stderr
    for word in case.says:
        assert word in ending.stderr, ending.stderr
    assert seed.OUTSIDE not in ending.stderr + ending.stdout.decode(errors="replace")
    assert all(line.isprintable() and len(line) < 2000 for line in lines), ending.stderr


def _chosen(kind: str) -> list[Case]:
    """Every case in the full form; in the quick one some of each kind, from its whole breadth."""
    cases = CASES[kind]
    return list(cases) if full() else list(cases[:: -(-len(cases) // QUICK_CASES_A_KIND)])


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{kind}-{case.name}") for kind in KINDS for case in _chosen(kind)],
)
def test_a_malformed_input_ends_with_a_line_and_its_code(
    case: Case, warm: WarmProcess, healthy: Path, tmp_path: Path
) -> None:
    project = seed.copy(healthy, tmp_path / "sandbox")
    if case.build is not None:
        case.build(project)
    before = everything(project.parent)
    ending = warm.run(case, project)
    _check_lines(case, ending)
    assert ending.grown_kb <= GROWTH_KB
    changed = _changed(before, everything(project.parent))
    assert [name for name in changed if not _is_allowed(name, case, before)] == []


def test_there_are_two_hundred_cases_of_fifteen_kinds() -> None:
    run = sum(len(_chosen(kind)) for kind in KINDS)
    report("malformed inputs", kinds=len(CASES), cases=sum(map(len, CASES.values())), run=run)
    assert len(CASES) >= 15
    assert sum(map(len, CASES.values())) >= 200


def test_names_of_cases_are_distinct() -> None:
    for cases in CASES.values():
        assert len({case.name for case in cases}) == len(cases)
