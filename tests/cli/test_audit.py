"""``seatrial audit`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Seatrial

RUN = "20261120T140000Z-finalize-3f9c"


def test_without_any_run_it_says_where_it_looked(seatrial: Seatrial, project: Path) -> None:
    done = seatrial("audit")
    assert done.code == 3
    assert "no published release" in done.complaint


def test_data_without_remeasure_is_bad_usage(seatrial: Seatrial) -> None:
    done = seatrial("audit", "--data", "elsewhere")
    assert done.code == 2
    assert "--remeasure" in done.complaint


def test_a_damaged_run_is_findings_and_no_error(seatrial: Seatrial, project: Path) -> None:
    folder = project / "runs" / RUN
    (folder / "gate").mkdir(parents=True)
    for name in ("run.json", "config.yaml", "outcome.json", "gate/manifest.json"):
        (folder / name).write_bytes(b"\x00{[")
    done = seatrial("audit", RUN)
    assert done.code == 1
    *found, summary = done.out.splitlines()
    assert found == sorted(found)
    assert f"run {RUN}: {len(found)} findings" in summary
    for name in ("run.json", "config.yaml", "outcome.json", "gate/manifest.json"):
        assert any(line.startswith(f"runs/{RUN}/{name}: damaged: ") for line in found), name


def test_json_is_one_document_with_every_finding(seatrial: Seatrial, project: Path) -> None:
    (project / "runs" / RUN).mkdir(parents=True)
    done = seatrial("audit", RUN, "--json")
    assert done.code == 1
    document = json.loads(done.out)
    assert document["run"] == RUN
    assert {"path": f"runs/{RUN}/run.json", "kind": "missing"}.items() <= next(
        finding for finding in document["findings"] if finding["path"].endswith("run.json")
    ).items()


def test_a_name_with_line_breaks_stays_on_one_line(seatrial: Seatrial, project: Path) -> None:
    (project / "runs" / RUN).mkdir(parents=True)
    (project / "runs" / RUN / "one\ntwo\x1b[2J").write_text("")
    done = seatrial("audit", RUN)
    assert any("one two" in line and "\\u001b" in line for line in done.out.splitlines())
