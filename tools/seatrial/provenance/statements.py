"""What was built, from what, by what and when: an in-toto statement with SLSA provenance.

Specifications: in-toto attestation, spec/v1/statement.md 1.1; https://slsa.dev/provenance/v1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from seatrial.config.slices import SLICES
from seatrial.errors import InputError
from seatrial.evidence.facts import Facts
from seatrial.evidence.reading import RELEASED_STEPS
from seatrial.evidence.records import Manifest
from seatrial.files import digest_of, pretty_json
from seatrial.provenance.subjects import released_digests

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "pkg:generic/seatrial#release/v1"
BUILDER = "pkg:generic/seatrial#local-builder/v1"
"""Both are described in docs/explanation/provenance.md."""
RELEASE = "release"
"""The subject that stands for the release as a whole: its digest is the release digest."""

Json = dict[str, Any]


def statement(facts: Facts) -> Json:
    """The in-toto statement of the release that ``facts`` are of.

    It follows from the steps up to measurement and from the run that made them, so a later run
    that documents or judges the same release gives the same statement.

    :raises InputError: a step up to measurement is missing.
    """
    if facts.release_digest is None:
        lacking = ", ".join(name for name in RELEASED_STEPS if name not in facts.steps)
        raise InputError(
            f"run {facts.run.id}: no release to make a statement on: it lacks {lacking}; continue "
            f"it with seatrial finalize --resume {facts.run.id}"
        )
    manifests = {name: facts.steps[name].manifest for name in RELEASED_STEPS}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            *(_descriptor(path, sha256) for path, sha256 in released_digests(facts).items()),
            _descriptor(RELEASE, facts.release_digest),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _external_parameters(facts, manifests),
                "internalParameters": _internal_parameters(facts),
                "resolvedDependencies": _dependencies(facts, manifests),
            },
            "runDetails": {
                "builder": {
                    "id": BUILDER,
                    "version": {"seatrial": facts.run.environment.seatrial_version},
                },
                "metadata": _metadata(manifests),
                "byproducts": _byproducts(facts, manifests),
            },
        },
    }


def to_json_bytes(statement: Json) -> bytes:
    """The statement as it is published and signed."""
    return pretty_json(statement).encode()


def _external_parameters(facts: Facts, manifests: Mapping[str, Manifest]) -> Json:
    """What a person chose: the configuration of each step.

    A step that was taken over although the configuration has changed is named with the digest of
    what it was done by, which is all that is known here.
    """
    parameters: dict[str, Json] = {"configuration": {}, "configurationTakenOver": {}}
    for name, manifest in manifests.items():
        slice_ = SLICES[name](facts.config)
        if digest_of(slice_) == manifest.inputs.get("config"):
            parameters["configuration"][name] = slice_
        else:
            parameters["configurationTakenOver"][name] = manifest.inputs.get("config")
    return {key: value for key, value in parameters.items() if value}


def _internal_parameters(facts: Facts) -> Json:
    environment = facts.run.environment
    found = environment.model_dump(
        mode="json", include={"python", "platform", "processor", "cores", "memory_mb", "gpu"}
    )
    return {"machine": {key: value for key, value in found.items() if value is not None}}


def _dependencies(facts: Facts, manifests: Mapping[str, Manifest]) -> list[Json]:
    environment = facts.run.environment
    found = [] if facts.run.git.commit is None else [_source(facts, manifests)]
    if facts.data is not None:
        found.append(_descriptor("dataset", facts.data.digest))
    for digest, steps in _by_digest(manifests, "code").items():
        code = _descriptor("seatrial", digest, seatrial_steps=steps)
        if digest == environment.code_sha256:
            code["uri"] = f"pkg:generic/seatrial@{quote(environment.seatrial_version, safe='')}"
        found.append(code)
    for name in sorted({key for m in manifests.values() for key in m.inputs if _is_file(key)}):
        for digest, steps in _by_digest(manifests, name).items():
            found.append(_descriptor(name, digest, seatrial_steps=steps))
    found += [
        {"name": name, "uri": _package_url(name, version)}
        for name, version in environment.packages.items()
    ]
    return found


def _source(facts: Facts, manifests: Mapping[str, Manifest]) -> Json:
    """The commit that the project stood at when the run began that made the release.

    Only the steps that this very run did are known to be made from it; another run that a step
    was taken over from has its commit in its own ``run.json``, which is among the byproducts.
    """
    run = facts.run.id if facts.run.made_in is None else facts.run.made_in.id
    source: Json = {"name": "source", "digest": {"gitCommit": facts.run.git.commit}}
    source["annotations"] = {
        "seatrial_run": run,
        "seatrial_steps": [name for name, m in manifests.items() if m.run.id == run],
        "seatrial_uncommitted": list(facts.run.git.dirty),
    }
    return source


def _is_file(key: str) -> bool:
    """Whether an input of a step is a file of the project that no step made."""
    return key in ("checkpoint", "project code") or key.startswith("project/")


def _package_url(name: str, version: str) -> str:
    """https://github.com/package-url/purl-spec, type pypi: lower case, dashes."""
    return f"pkg:pypi/{quote(re.sub('_', '-', name).lower(), safe='')}@{quote(version, safe='')}"


def _metadata(manifests: dict[str, Manifest]) -> Json:
    # Of two that ended within a second the later step, so backwards: max takes the first.
    last = max(reversed(manifests.values()), key=lambda manifest: manifest.finished)
    return {
        "invocationId": f"{last.run.id}@sha256:{last.run.sha256}",
        "startedOn": min(manifest.started for manifest in manifests.values()),
        "finishedOn": last.finished,
    }


def _byproducts(facts: Facts, manifests: Mapping[str, Manifest]) -> list[Json]:
    runs: dict[tuple[str, str], list[str]] = {}
    for name, manifest in manifests.items():
        runs.setdefault((manifest.run.id, manifest.run.sha256), []).append(name)
    configuration = [
        _descriptor("train/config.yaml", file.sha256)
        for file in manifests["train"].files
        if file.path == "config.yaml"
    ]
    return [
        *(_descriptor(f"{n}/manifest.json", facts.steps[n].manifest_sha256) for n in manifests),
        *(
            _descriptor(f"runs/{run}/run.json", sha256, seatrial_steps=steps)
            for (run, sha256), steps in runs.items()
        ),
        *configuration,
    ]


def _by_digest(manifests: Mapping[str, Manifest], key: str) -> dict[str, list[str]]:
    """The steps that had each value of one input."""
    found: dict[str, list[str]] = {}
    for name, manifest in manifests.items():
        if re.fullmatch("[0-9a-f]{64}", manifest.inputs.get(key, "")):
            found.setdefault(manifest.inputs[key], []).append(name)
    return found


def _descriptor(name: str, sha256: str, **annotations: Iterable[str]) -> Json:
    """An in-toto ResourceDescriptor."""
    found: Json = {"name": name, "digest": {"sha256": sha256}}
    if annotations:
        found["annotations"] = {key: list(value) for key, value in annotations.items()}
    return found
