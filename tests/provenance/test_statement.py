"""The statement says what was built from what, and is the same for every judgement of a release."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from factories import TRAINED_ELSEWHERE, changed, healthy_facts
from provenance import specification
from seatrial import provenance
from seatrial.config.slices import SLICES
from seatrial.errors import InputError
from seatrial.evidence.facts import Facts
from seatrial.evidence.reading import RELEASED_STEPS
from seatrial.evidence.records import RunReference
from seatrial.files import digest_of

LATER = "20261124T090000Z-gate-77aa"


def with_inputs(facts: Facts, step: str, **inputs: str) -> Facts:
    """The facts with inputs added to a step's manifest."""
    place = facts.steps[step]
    manifest = place.manifest.model_copy(update={"inputs": {**place.manifest.inputs, **inputs}})
    steps = {**facts.steps, step: place.model_copy(update={"manifest": manifest})}
    return facts.model_copy(update={"steps": steps})


def configured(facts: Facts) -> Facts:
    """The facts with the digests of the configuration's slices, as the pipeline enters them."""
    for step in RELEASED_STEPS:
        facts = with_inputs(facts, step, config=digest_of(SLICES[step](facts.config)))
    return facts


def judged_again(facts: Facts) -> Facts:
    """The facts of a later run that judges the same release, with other waivers and documents."""
    run = facts.run.model_copy(
        update={
            "id": LATER,
            "command": "gate",
            "started": "2026-11-24T09:00:00Z",
            "config_sha256": "0" * 64,
            "overrides": ("waivers=[]",),
            "made_in": RunReference(id=facts.run.id, sha256="1" * 64),
        }
    )
    steps = {name: place for name, place in facts.steps.items() if name != "document"}
    return facts.model_copy(
        update={"run": run, "steps": steps, "documents": None, "known_issues": None}
    )


def the(facts: Facts) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(provenance.to_json_bytes(provenance.statement(facts)))
    return found


def dependencies(facts: Facts) -> dict[str, dict[str, Any]]:
    listed = the(facts)["predicate"]["buildDefinition"]["resolvedDependencies"]
    return {one["name"]: one for one in listed}


CASES = {
    "healthy": healthy_facts(),
    "configured": configured(healthy_facts()),
    "judged again": judged_again(healthy_facts()),
    "trained elsewhere": with_inputs(
        healthy_facts(TRAINED_ELSEWHERE), "train", checkpoint="a" * 64, **{"project code": "b" * 64}
    ),
    "no commit": healthy_facts({"run.git.commit": None, "run.git.reason": "not a git repository"}),
    "odd versions": healthy_facts(
        {"run.environment.packages": {"My_Own.Package": "1.0+cpu", "torch": "2.15.0+cu130"}}
    ),
    "a graphics processor": healthy_facts({"run.environment.gpu": "Example GPU"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_statement_is_what_the_specifications_ask_for(name: str) -> None:
    assert specification.problems(the(CASES[name])) == []


def required_paths() -> list[tuple[str | int, ...]]:
    provenance_, definition = ("predicate",), ("predicate", "buildDefinition")
    details = ("predicate", "runDetails")
    return [
        ("_type",), ("subject",), ("predicateType",), ("subject", 0, "digest"), provenance_,
        definition, details, (*definition, "buildType"), (*definition, "externalParameters"),
        (*details, "builder"), (*details, "builder", "id"),
        (*definition, "resolvedDependencies", 0, "digest"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", required_paths())
@pytest.mark.parametrize("value", [None, 7, "wrong", "GIT:\n"])
def test_the_validator_finds_what_is_missing_or_wrong(
    path: tuple[str | int, ...], value: object
) -> None:
    statement = copy.deepcopy(the(CASES["healthy"]))
    place: Any = statement
    for part in path[:-1]:
        place = place[part]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert specification.problems(statement)


def test_every_file_that_was_built_is_a_subject_with_its_digest() -> None:
    facts = healthy_facts()
    subjects = {one["name"]: one["digest"]["sha256"] for one in the(facts)["subject"]}
    assert subjects.pop("release") == facts.release_digest
    made = {
        file.path: file.sha256
        for step in ("export", "train")
        for file in facts.steps[step].manifest.files
    }
    assert subjects["models/production_model.onnx"] == made["production_model.onnx"]
    best = "checkpoints/final_model_best.pt"
    assert subjects["checkpoints/production/final_model_best.pt"] == made[best]
    assert not [name for name in subjects if name.endswith((".md", "record.json"))]


def test_judging_a_release_again_gives_the_same_bytes() -> None:
    facts = configured(healthy_facts())
    again = judged_again(facts)
    first, second = (provenance.to_json_bytes(provenance.statement(f)) for f in (facts, again))
    assert first == second
    assert LATER.encode() not in second


@pytest.mark.parametrize(
    "change",
    [
        {"data.digest": "7" * 64},
        {"run.git.commit": "7" * 40},
        {"run.git.dirty": ["model.py"]},
        {"run.environment.code_sha256": "7" * 64},
        {"run.environment.seatrial_version": "9.9.9"},
        {"run.environment.packages": {"torch": "9.9.9"}},
        {"config.training.epochs": 77},
    ],
)
def test_anything_else_about_the_build_gives_another_statement(change: dict[str, object]) -> None:
    assert the(configured(healthy_facts(change))) != the(configured(healthy_facts()))


def test_the_configuration_is_given_where_it_is_what_the_step_was_done_by() -> None:
    facts = configured(healthy_facts())
    parameters = the(facts)["predicate"]["buildDefinition"]["externalParameters"]
    assert set(parameters) == {"configuration"}
    assert set(parameters["configuration"]) == set(RELEASED_STEPS)
    assert parameters["configuration"]["train"]["training"]["epochs"] == (
        facts.config.training.epochs
    )


def test_a_configuration_that_a_step_was_not_done_by_is_not_claimed() -> None:
    facts = with_inputs(configured(healthy_facts()), "train", config="e" * 64)
    parameters = the(facts)["predicate"]["buildDefinition"]["externalParameters"]
    assert "train" not in parameters["configuration"]
    assert parameters["configurationTakenOver"] == {"train": "e" * 64}


def test_waivers_and_texts_for_documents_are_no_part_of_the_build() -> None:
    facts = configured(healthy_facts())
    waived = changed(
        facts,
        "config.waivers",
        [{"item": 6, "reason": "a secret", "by": "QA", "until": "2099-01-01"}],
    )
    assert the(waived) == the(facts)
    assert "a secret" not in json.dumps(the(waived))


def test_the_commit_is_claimed_for_the_steps_of_its_own_run_alone() -> None:
    facts = healthy_facts()
    place = facts.steps["train"]
    other = RunReference(id="20261101T000000Z-finalize-0000", sha256="d" * 64)
    manifest = place.manifest.model_copy(update={"run": other, "started": "2026-11-01T00:00:01Z"})
    steps = {**facts.steps, "train": place.model_copy(update={"manifest": manifest})}
    facts = facts.model_copy(update={"steps": steps})
    source = dependencies(facts)["source"]
    assert source["annotations"]["seatrial_run"] == facts.run.id
    assert "train" not in source["annotations"]["seatrial_steps"]
    details = the(facts)["predicate"]["runDetails"]
    assert details["metadata"]["startedOn"] == "2026-11-01T00:00:01Z"
    runs = [one for one in details["byproducts"] if one["name"].endswith("run.json")]
    assert {"sha256": "d" * 64} in [one["digest"] for one in runs]
    assert len(runs) == 2


def test_uncommitted_files_are_told() -> None:
    source = dependencies(healthy_facts({"run.git.dirty": ["model.py"]}))["source"]
    assert source["annotations"]["seatrial_uncommitted"] == ["model.py"]


def test_code_of_another_version_is_named_by_its_digest_without_this_version() -> None:
    facts = with_inputs(healthy_facts(), "train", code="f" * 64)
    listed = the(facts)["predicate"]["buildDefinition"]["resolvedDependencies"]
    code = [one for one in listed if one["name"] == "seatrial"]
    assert [one["annotations"]["seatrial_steps"] == ["train"] for one in code].count(True) == 1
    (foreign,) = (one for one in code if one["digest"]["sha256"] == "f" * 64)
    assert "uri" not in foreign


def test_a_checkpoint_trained_elsewhere_and_code_of_the_project_are_dependencies() -> None:
    found = dependencies(CASES["trained elsewhere"])
    assert found["checkpoint"]["digest"] == {"sha256": "a" * 64}
    assert found["project code"]["digest"] == {"sha256": "b" * 64}


def test_packages_are_named_as_package_urls() -> None:
    found = dependencies(CASES["odd versions"])
    assert found["My_Own.Package"]["uri"] == "pkg:pypi/my-own.package@1.0%2Bcpu"
    assert found["torch"]["uri"] == "pkg:pypi/torch@2.15.0%2Bcu130"


def test_an_unfinished_release_has_no_statement() -> None:
    with pytest.raises(InputError, match="lacks verify"):
        provenance.statement(healthy_facts({"verify": None}))
