"""A checklist as data: typed, unknown keys refused, every name in it resolved when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seatrial.config import strict_yaml
from seatrial.config.schema import Config
from seatrial.errors import ConfigurationError
from seatrial.evidence.facts import Facts
from seatrial.evidence.reading import RECORD_TYPES
from seatrial.gates import paths
from seatrial.resources import shipped

Text = Annotated[str, Field(min_length=1)]
Group = Literal[
    "training", "data", "test", "export", "documents", "reproducibility", "quality", "approval"
]
Unit = Literal["percent", "points", "number", "ms", "MB"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class EvidenceSpec(_Part):
    """What an item reads. Files are ``step/glob`` by a step's manifest, ``run/name`` in the
    run's folder, or ``project/name``; the optional ones only count where they exist."""

    facts: tuple[Text, ...] = ()
    files: tuple[Text, ...] = ()
    optional_files: tuple[Text, ...] = ()


class Item(_Part):
    """One claim, how it is proved, and what to do when it is not."""

    id: Annotated[int, Field(ge=1)]
    group: Group
    title: Text
    claim: Text
    proof: Text
    check: Text
    evidence: EvidenceSpec
    bound: Text | float | None = None
    """A number, or where in the configuration the number stands, as ``targets.test_acc``."""
    unit: Unit = "number"
    undeclared: Literal["fail", "show"] = "fail"
    """What an absent number in the configuration means."""
    remedy: Text


class Checklist(_Part):
    """A gate: its items in the order of their numbers, 1 upwards."""

    name: Text
    title: Text
    items: tuple[Item, ...]


def load_checklist(name: str, folder: Path | None = None) -> Checklist:
    """The checklist ``name`` that Seatrial ships, or one in ``folder``.

    :raises ConfigurationError: there is none of this name, or it is wrong: every unknown key,
        check, fact, file source and bound is reported at once.
    """
    folder = folder or shipped("checklists")
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml"))) or "none"
        raise ConfigurationError(f"checklist {name}: no such checklist; there are: {known}")
    raw, _ = strict_yaml.read(path, path.name)
    try:
        checklist = Checklist.model_validate(_tuples(raw))
    except ValidationError as error:
        raise ConfigurationError(*(_describe(path.name, dict(e)) for e in error.errors())) from None
    problems = [*_wrong_numbers(checklist)]
    for item in checklist.items:
        problems += [f"item {item.id}: {problem}" for problem in _unresolved(item)]
    if problems:
        raise ConfigurationError(*(f"{path.name}: {problem}" for problem in problems))
    return checklist


def _tuples(value: object) -> object:
    if isinstance(value, dict):
        return {key: _tuples(child) for key, child in value.items()}
    return tuple(_tuples(child) for child in value) if isinstance(value, list) else value


def _describe(name: str, error: dict[str, Any]) -> str:
    where = ".".join(map(str, error["loc"])) or "file"
    if error["type"] == "extra_forbidden":
        return f"{name}: {where}: unknown key"
    if error["type"] == "missing":
        return f"{name}: {where}: required, but not there"
    return f"{name}: {where}: {error['msg']}, found {error['input']!r}"


def _wrong_numbers(checklist: Checklist) -> list[str]:
    found = [item.id for item in checklist.items]
    expected = list(range(1, len(found) + 1))
    if found and found == expected:
        return []
    return [f"items: expected the numbers 1, 2, 3 … in order and one at least, found {found}"]


def _unresolved(item: Item) -> list[str]:
    # Imported here: the table's check functions take an Item, which this module defines.
    from seatrial.gates.checks import CHECKS

    problems = []
    if item.check not in CHECKS:
        problems.append(f"check: {item.check}: no such check; there are {', '.join(CHECKS)}")
    for path in item.evidence.facts:
        if problem := paths.unknown(Facts, path):
            problems.append(f"evidence.facts: {problem}")
    for pattern in (*item.evidence.files, *item.evidence.optional_files):
        source, _, rest = pattern.partition("/")
        if source not in SOURCES or not rest:
            known = ", ".join(f"{name}/…" for name in SOURCES)
            problems.append(f"evidence.files: {pattern}: no such source; there are {known}")
    if isinstance(item.bound, str) and (problem := paths.unknown(Config, item.bound)):
        problems.append(f"bound: {problem}")
    return problems


SOURCES = (*RECORD_TYPES, "run", "project")
"""Where an evidence file can lie: the folder of a step, of the run, or the project's root."""
