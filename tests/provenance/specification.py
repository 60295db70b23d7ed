"""What the published specifications require of a statement, written from them and not from us.

in-toto attestation spec/v1: statement.md, resource_descriptor.md, digest_set.md, field_types.md;
SLSA build provenance v1, with what it requires at build level 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

_LENGTHS = {"sha256": (64,), "gitCommit": (40, 64)}
_DESCRIPTOR = {
    "name": str, "uri": str, "digest": dict, "content": str, "downloadLocation": str,
    "mediaType": str, "annotations": dict,
}  # fmt: skip
_PROVENANCE = {"buildDefinition": dict, "runDetails": dict}
_DEFINITION = {
    "buildType": str, "externalParameters": dict, "internalParameters": dict,
    "resolvedDependencies": list,
}  # fmt: skip
_DETAILS = {"builder": dict, "metadata": dict, "byproducts": list}
_BUILDER = {"id": str, "version": dict, "builderDependencies": list}
_METADATA = {"invocationId": str, "startedOn": str, "finishedOn": str}
_EXTENSION = re.compile(r"[a-z]+_\w+")
"""<vendor>_<fieldname>: what a field that the specification does not know is to be called."""


def problems(statement: Any) -> list[str]:
    """Every requirement that the statement does not meet."""
    return list(_statement(statement))


def _statement(it: Any) -> Iterator[str]:
    if not isinstance(it, dict):
        yield "a statement is an object"
        return
    yield from _fields(
        it, {"_type": str, "subject": list, "predicateType": str, "predicate": dict},
        {"_type", "subject", "predicateType"}, "statement",
    )  # fmt: skip
    if it.get("_type") != "https://in-toto.io/Statement/v1":
        yield "_type is always https://in-toto.io/Statement/v1"
    if it.get("predicateType") != "https://slsa.dev/provenance/v1":
        yield "predicateType is always https://slsa.dev/provenance/v1"
    subjects = it.get("subject")
    for number, one in enumerate(subjects if isinstance(subjects, list) else ()):
        yield from _descriptor(one, f"subject.{number}")
        if not (isinstance(one, dict) and one.get("digest")):
            yield f"subject.{number}: each element must have a digest"
    if isinstance(subjects, list):
        names = [one.get("name") for one in subjects if isinstance(one, dict)]
        if len(names) != len(set(names)):
            yield "subject: names should be unique"
        if not names:
            yield "subject: a statement applies to something"
    yield from _provenance(it.get("predicate"))


def _provenance(it: Any) -> Iterator[str]:
    if not isinstance(it, dict):
        yield "the predicate is an object"
        return
    yield from _fields(it, _PROVENANCE, set(_PROVENANCE), "predicate")
    definition, details = it.get("buildDefinition"), it.get("runDetails")
    if isinstance(definition, dict):
        required = {"buildType", "externalParameters"}
        yield from _fields(definition, _DEFINITION, required, "buildDefinition")
        yield from _type_uri(definition.get("buildType"), "buildType")
        yield from _descriptors(definition, "resolvedDependencies")
        external, internal = (
            definition.get("externalParameters"),
            definition.get("internalParameters"),
        )
        if isinstance(external, dict) and isinstance(internal, dict) and external.keys() & internal:
            yield "the same name stands in external and internal parameters"
    if isinstance(details, dict):
        yield from _fields(details, _DETAILS, {"builder"}, "runDetails")
        yield from _descriptors(details, "byproducts")
        yield from _run(details)


def _run(details: dict[str, Any]) -> Iterator[str]:
    builder, metadata = details.get("builder"), details.get("metadata", {})
    if isinstance(builder, dict):
        yield from _fields(builder, _BUILDER, {"id"}, "builder")
        yield from _type_uri(builder.get("id"), "builder.id")
        yield from _descriptors(builder, "builderDependencies")
        versions = builder.get("version", {})
        if isinstance(versions, dict) and not all(isinstance(v, str) for v in versions.values()):
            yield "builder.version: every version is a string"
    if isinstance(metadata, dict):
        yield from _fields(metadata, _METADATA, set(), "metadata")
        for name in ("startedOn", "finishedOn"):
            if name in metadata:
                yield from _timestamp(metadata[name], name)


def _fields(
    it: dict[str, Any], known: dict[str, type], required: set[str], where: str
) -> Iterator[str]:
    yield from (f"{where}.{name}: required" for name in sorted(required - it.keys()))
    for name, value in it.items():
        if name not in known:
            if not _EXTENSION.fullmatch(name):
                yield f"{where}.{name}: an extension is named vendor_field"
        elif not isinstance(value, known[name]):
            yield f"{where}.{name}: not of type {known[name].__name__}"


def _descriptors(it: dict[str, Any], name: str) -> Iterator[str]:
    found = it.get(name)
    for number, one in enumerate(found if isinstance(found, list) else ()):
        yield from _descriptor(one, f"{name}.{number}")


def _descriptor(it: Any, where: str) -> Iterator[str]:
    if not isinstance(it, dict):
        yield f"{where}: a descriptor is an object"
        return
    yield from _fields(it, _DESCRIPTOR, set(), where)
    if not it.keys() & {"uri", "digest", "content"}:
        yield f"{where}: one of uri, digest and content is required"
    if "uri" in it:
        yield from _type_uri(it["uri"], f"{where}.uri")
    digests = it.get("digest", {})
    for algorithm, value in digests.items() if isinstance(digests, dict) else ():
        if algorithm not in _LENGTHS:
            yield f"{where}.digest.{algorithm}: no algorithm that is expected here"
        elif not (re.fullmatch("[0-9a-f]*", str(value)) and len(value) in _LENGTHS[algorithm]):
            yield f"{where}.digest.{algorithm}: lower-case hexadecimal of the right length"
    annotations = it.get("annotations", {})
    for name in annotations if isinstance(annotations, dict) else ():
        if not _EXTENSION.fullmatch(name):
            yield f"{where}.annotations.{name}: is named vendor_field"


def _type_uri(it: Any, where: str) -> Iterator[str]:
    """RFC 3986: a scheme, only the characters allowed, scheme and authority in lower case."""
    if not isinstance(it, str):
        yield f"{where}: a URI is a string"
        return
    characters = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-F]{2})*"
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*:" + characters, it) or it.count("#") > 1:
        yield f"{where}: not a URI as RFC 3986 has it"
    authority = re.match(r"[a-z0-9+.-]+://([^/?#]*)", it)
    if authority and authority[1] != authority[1].lower():
        yield f"{where}: the authority is in lower case"


def _timestamp(it: Any, where: str) -> Iterator[str]:
    """RFC 3339 in UTC."""
    if not (isinstance(it, str) and re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}(\.\d+)?Z", it)):
        yield f"{where}: RFC 3339 in UTC"
        return
    try:
        datetime.fromisoformat(it)
    except ValueError:
        yield f"{where}: no such time"
