"""A judgement of the shipped checklist on a project with changes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from factories import healthy_project
from seatrial import gates
from seatrial.evidence.records import GateRecord

TODAY = datetime.date(2026, 11, 20)

Judge = Callable[..., GateRecord]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """``judge({"evaluate.n_test": 1}, spoil=lambda project: …)`` → the gate's record.

    ``replaced``: files of steps with another content, listed so by their manifests.
    """

    def judged(
        changes: Mapping[str, object] | None = None,
        spoil: Callable[[Path], object] = lambda _: None,
        today: datetime.date = TODAY,
        replaced: Mapping[str, bytes] | None = None,
    ) -> GateRecord:
        facts, project = healthy_project(tmp_path, changes, replaced)
        spoil(project)
        return gates.judge("production_ready", facts, project, today=today)

    return judged


@pytest.fixture
def today() -> datetime.date:
    """The day of the judgement."""
    return TODAY
