"""The checklist, the table of checks and the page for readers say the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from seatrial import gates
from seatrial.errors import ConfigurationError
from seatrial.evidence.records import Verdict
from seatrial.gates import schema
from seatrial.gates.checks import CHECKS
from seatrial.gates.reference import render_reference
from seatrial.gates.verdicts import EXIT_CODES, MEANINGS
from seatrial.resources import shipped

NAME = "production_ready"


@pytest.fixture
def raw() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((shipped("checklists") / f"{NAME}.yaml").read_text())
    return loaded


def load(raw: object, folder: Path) -> schema.Checklist:
    (folder / "mine.yaml").write_text(yaml.safe_dump(raw))
    return gates.load_checklist("mine", folder)


def test_there_are_24_items_in_the_groups_of_the_workflow() -> None:
    items = gates.load_checklist(NAME).items
    assert [item.id for item in items] == list(range(1, 25))
    sizes = [sum(item.group == group for item in items) for group in get_args(schema.Group)]
    assert sizes == [4, 2, 6, 4, 4, 2, 1, 1]
    assert len({item.title for item in items}) == 24


def test_every_check_is_used_or_generic_and_says_what_it_claims() -> None:
    used = {item.check for item in gates.load_checklist(NAME).items}
    assert set(CHECKS) - used == {"at_least", "at_most"}
    assert all(check.description.endswith(".") for check in CHECKS.values())


def test_every_declared_bound_is_a_target_or_a_number() -> None:
    bounds = {item.id: item.bound for item in gates.load_checklist(NAME).items}
    assert bounds[8] == "targets.test_acc"
    assert bounds[9] == "targets.max_val_test_gap"
    assert bounds[10] == "targets.min_class_f1"
    assert bounds[12] == "targets.max_ece"


def test_verdicts_and_exit_codes_are_all_explained() -> None:
    assert set(MEANINGS) == set(get_args(Verdict))
    assert EXIT_CODES == {True: 0, False: 1}
    page = render_reference(gates.load_checklist(NAME))
    assert all(f"| {verdict} | {meaning} |" in page for verdict, meaning in MEANINGS.items())


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("check", "is_good", "check: is_good: no such check; there are at_least"),
        ("bound", "targets.test_accuracy", "Targets has no test_accuracy"),
        ("evidence", {"facts": ["evaluate.tset"]}, "EvaluationRecord has no tset"),
        ("evidence", {"facts": ["evaluate.n_test.value"]}, "nothing lies below"),
        ("evidence", {"files": ["elsewhere/x.json"]}, "no such source"),
        ("evidence", {"files": ["train"]}, "no such source"),
        ("colour", "red", "items.7.colour: unknown key"),
        ("group", "luck", "items.7.group"),
        ("title", None, "items.7.title"),
        ("id", 9, "expected the numbers 1, 2, 3"),
    ],
)
def test_a_wrong_entry_is_one_clear_error(
    raw: dict[str, Any], tmp_path: Path, place: str, value: object, words: str
) -> None:
    raw["items"][7][place] = value
    with pytest.raises(ConfigurationError) as caught:
        load(raw, tmp_path)
    assert words in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_all_wrong_names_are_reported_together(raw: dict[str, Any], tmp_path: Path) -> None:
    raw["items"][0]["check"] = "nothing"
    raw["items"][5]["bound"] = "data.nothing"
    with pytest.raises(ConfigurationError) as caught:
        load(raw, tmp_path)
    assert len(caught.value.problems) == 2


def test_an_unknown_checklist_lists_the_ones_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"there are: .*production_ready"):
        gates.load_checklist("perfect")


@pytest.mark.parametrize("content", ["", "[]", "name: x", "items: 3"])
def test_a_checklist_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(ConfigurationError):
        gates.load_checklist("mine", tmp_path)


def test_a_check_reads_no_file_that_the_checklist_does_not_name(judge: Any) -> None:
    from fnmatch import fnmatchcase

    from factories import RUN_ID

    for item, verdict in zip(gates.load_checklist(NAME).items, judge().items, strict=True):
        sources = [*item.evidence.files, *item.evidence.optional_files]
        allowed = [s.removeprefix("run/").removeprefix("project/") for s in sources]
        for file in verdict.evidence:
            name = file.path.removeprefix(f"runs/{RUN_ID}/")
            named = any(fnmatchcase(name, pattern) for pattern in allowed)
            assert named or name.endswith("/manifest.json"), (item.id, name)


def test_the_gate_for_machines_has_the_documented_form(judge: Any) -> None:
    gate = judge()
    data = json.loads(json.dumps(gates.to_json(gate)))
    assert set(data) == {
        "passed", "decision", "run", "release_digest", "items", "approvals", "signers_sha256",
        "revoked_sha256",
    }  # fmt: skip
    assert data["passed"] is False
    assert data["release_digest"] == gate.release_digest
    for number, item in enumerate(data["items"], start=1):
        assert list(item) == [
            "id", "title", "verdict", "reason", "waiver", "measured", "bound", "evidence", "remedy",
        ]  # fmt: skip
        assert item["id"] == number
        for file in item["evidence"]:
            assert set(file) == {"path", "sha256"}
            assert not Path(file["path"]).is_absolute()


def test_judging_imports_no_torch(tmp_path: Path) -> None:
    from factories import healthy_project

    facts, project = healthy_project(tmp_path)
    (tmp_path / "facts.json").write_text(facts.model_dump_json())
    code = (
        "import sys, datetime, pathlib\n"
        "from seatrial import gates\n"
        "from seatrial.evidence.facts import Facts\n"
        "assert 'onnxruntime' not in sys.modules and 'onnx' not in sys.modules\n"
        f"project = pathlib.Path({str(project)!r})\n"
        "facts = Facts.model_validate_json((project / 'facts.json').read_text())\n"
        "today = datetime.date(2026, 11, 20)\n"
        "gate = gates.judge('production_ready', facts, project, today=today)\n"
        "assert gate.items[0].verdict == 'PASS'\n"
        "heavy = {'torch', 'torchvision', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
