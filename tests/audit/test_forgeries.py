"""Every forgery of every kind of file is found, and the file is named."""

from __future__ import annotations

import pytest

from reliability.counting import full, report

from .conftest import Made, Restorer
from .forgeries import ARTIFACTS, FORGERIES, NotApplicable

CASES = [(forgery, artifact) for forgery in FORGERIES for artifact in ARTIFACTS]
EVERY = 17
"""The quick form takes one case in so many: over the rows, so that each forgery is made and each
file forged."""
TAKEN = CASES if full() else CASES[::EVERY]

PLAIN = [name for name, one in ARTIFACTS.items() if one.step is not None]
"""Files that a manifest lists: forging one leaves the others to be checked."""


def test_the_sample_makes_every_forgery_of_some_file_and_forges_every_file() -> None:
    assert {forgery for forgery, _ in TAKEN} == set(FORGERIES)
    assert {artifact for _, artifact in TAKEN} == set(ARTIFACTS)


def forge(made: Made, forgery: str, artifact: str) -> str:
    """Make a forgery; the path, relative to the project, that must be named."""
    one = ARTIFACTS[artifact]
    named = FORGERIES[forgery](made, one, made.path(one.path))
    return named.relative_to(made.project).as_posix()


def test_each_forgery_alone_is_found_and_named(made: Made, restorer: Restorer) -> None:
    missed, found, skipped = [], 0, 0
    for forgery, artifact in TAKEN:
        with restorer.undone():
            try:
                path = forge(made, forgery, artifact)
            except NotApplicable:
                skipped += 1
                continue
            findings = made.audit().findings
        if is_named(path, forgery, {finding.path for finding in findings}):
            found += 1
        else:
            missed.append((forgery, artifact, [finding.line() for finding in findings]))
    report(
        "forgeries found and named",
        kinds=len(FORGERIES),
        files=len(ARTIFACTS),
        found=found,
        missed=len(missed),
        not_applicable=skipped,
    )
    assert [case[:2] for case in missed] == [], missed
    assert found > len(TAKEN) // 2


def is_named(path: str, forgery: str, named: set[str]) -> bool:
    """Whether the forged file is named. A manifest edited along is whole in itself: what follows
    from it is broken, and the step or a later one is named."""
    if forgery == "edited with its manifest":
        return bool(named)
    return path in named


@pytest.mark.parametrize("forgery", [f for f in FORGERIES if f not in ("pipe", "swapped pair")])
def test_of_many_forged_files_each_is_named(release: Made, forgery: str) -> None:
    expected = set()
    for artifact in PLAIN:
        try:
            expected.add(forge(release, forgery, artifact))
        except NotApplicable:
            continue
        except FileExistsError:
            continue  # two files of one folder, to which one more was added
    named = {finding.path for finding in release.audit().findings}
    if forgery == "edited with its manifest":
        assert named
    else:
        assert expected <= named, sorted(expected - named)


def test_an_untouched_release_gives_no_finding(made: Made) -> None:
    report = made.audit()
    assert [finding.line() for finding in report.findings] == []
    assert report.notes == ()
    assert (report.documents, report.verdicts) == (8, 24)
