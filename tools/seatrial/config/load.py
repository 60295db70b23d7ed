"""From a YAML file and overrides to a :class:`Config`, with every problem reported at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from yaml import YAMLError

from seatrial.config import strict_yaml
from seatrial.config.combinations import impossible
from seatrial.config.schema import Config
from seatrial.errors import ConfigurationError

Location = tuple[str | int, ...]


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration file, apply ``overrides`` (``training.epochs=5``), and check it.

    :raises InputError: the file does not exist.
    :raises ConfigurationError: with every problem, each with its line, path, what was expected
        and what stood there.
    """
    raw, lines = strict_yaml.read(path)
    if raw is None:
        raise ConfigurationError(f"{path}: the file is empty; it needs at least model and data")
    if not isinstance(raw, dict):
        raise ConfigurationError(
            f"{path}: expected sections such as model and data, found a {type(raw).__name__}"
        )
    return check(merged(raw, parse_overrides(overrides)), str(path), lines)


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """``["a.b=1", "a.c=x"]`` → ``{"a": {"b": 1, "c": "x"}}`` in OmegaConf's dot-list grammar."""
    if not overrides:
        return {}
    bad = [problem for text in overrides if (problem := _override_problem(text)) is not None]
    if bad:
        raise ConfigurationError(*bad)
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values = OmegaConf.to_container(OmegaConf.from_dotlist(list(overrides)), resolve=False)
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError, LookupError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigurationError(f"overrides {' '.join(overrides)}: {reason}") from None
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _override_problem(text: str) -> str | None:
    """Why an override is none; its value is read as strictly as a file."""
    key, equals, value = text.partition("=")
    if not equals or not key or key.startswith((".", "-")):
        return f"{text}: expected an override such as training.epochs=5"
    if not text.isprintable():
        return f"{text!r}: an override is printable text in UTF-8"
    if not all(key.split(".")) or not re.fullmatch(r"[\w.-]+", key):
        return f"{key}: expected keys with dots between them, such as training.epochs"
    if key.count(".") >= strict_yaml.MAX_DEPTH:
        return f"{key}: nested more than {strict_yaml.MAX_DEPTH} deep"
    if value == "???" or "${" in value:
        return f"{key}: expected a value, found {value}, which stands for another one"
    try:
        strict_yaml.parse(value, key)
    except ConfigurationError as error:
        return str(error)
    return None


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``; mappings are merged, everything else replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merged(old, value)
        result[key] = value
    return result


def check(raw: Mapping[str, Any], name: str, lines: strict_yaml.Lines | None = None) -> Config:
    """Plain data as a :class:`Config`.

    Fields that are wrong are set aside, so that impossible combinations among the others are
    found in the same go.
    """
    try:
        config: Config | None = Config.model_validate(raw)
        found: list[tuple[Location, str]] = []
    except ValidationError as error:
        found = _describe(error)
        config = _without({location for location, _ in found}, raw)
    found += impossible(config) if config is not None else []
    if found:
        raise ConfigurationError(*_render(found, name, lines or {}))
    assert config is not None
    return config


def _without(locations: set[Location], raw: Mapping[str, Any]) -> Config | None:
    pruned = deepcopy(dict(raw))
    for location in locations:
        # A wrong item takes its whole list along: the others would change their places.
        numbers = [index for index, part in enumerate(location) if isinstance(part, int)]
        keys = location[: numbers[0]] if numbers else location
        if not keys:
            return None  # a list at the top: nothing is left to look at
        parent: Any = pruned
        for part in keys[:-1]:
            parent = parent.get(part) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent.pop(keys[-1], None)
    try:
        return Config.model_validate(pruned)
    except ValidationError:
        return None


def _describe(error: ValidationError) -> list[tuple[Location, str]]:
    """Where and what, in order. The nearest known key is sought for the first ones alone."""
    problems: dict[Location, str] = {}
    for entry in error.errors():
        location = _location_in_file(entry["loc"])
        if location not in problems:
            described = len(problems) < _MOST_DESCRIBED
            problems[location] = _explain(entry, location) if described else entry["msg"]
    return list(problems.items())


def _location_in_file(location: tuple[int | str, ...]) -> Location:
    """Pydantic names the branch of a union in its location; a user's file does not have it."""
    section: Any = Config
    kept: list[str | int] = []
    for part in location:
        if isinstance(part, str) and section is None:
            break
        kept.append(part)
        section = _field_type(section, part)
    return tuple(kept)


def _field_type(model: Any, part: str | int) -> Any:
    if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
        return model
    field = model.model_fields.get(part)
    return None if field is None else _section_in(field.annotation)


def _section_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        section = _section_in(argument)
        if section is not None:
            return section
    return None


def _explain(entry: Mapping[str, Any], location: Location) -> str:
    if entry["type"] == "extra_forbidden":
        return f"unknown key{_nearest(location)}"
    if entry["type"] == "missing":
        return "required, but not there"
    message = entry["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if entry["type"] == "value_error":
        return str(message)
    article = "a value " if message.startswith(("greater", "less")) else ""
    return f"expected {article}{message}, found {_shown(entry['input'])}"


def _shown(value: object) -> str:
    """A value as Python writes it, at most some hundred characters of it."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN = 200
_MOST_DESCRIBED = 50


def _nearest(location: Location) -> str:
    model: Any = Config
    for part in location[:-1]:
        model = _field_type(model, part)
    known = list(model.model_fields) if model is not None else []
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


def _render(
    found: Sequence[tuple[Location, str]], name: str, lines: strict_yaml.Lines
) -> list[str]:
    rendered = []
    for location, problem in found:
        line = next(
            (
                lines[location[:end]]
                for end in range(len(location), 0, -1)
                if location[:end] in lines
            ),
            None,
        )
        place = f"{name}:{line}" if line else name
        rendered.append(f"{place}: {'.'.join(map(str, location)) or 'file'}: {problem}")
    return rendered
