"""Dotted paths into typed records: ``evaluate.test.acc`` is a fact, ``targets.test_acc`` a bound.

A path goes through fields and dictionary keys; lists are passed through, so that
``verify.formats.passed`` names that field of every format.
"""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from seatrial.gates.verdicts import NotChecked


def unknown(model: type[BaseModel], path: str) -> str | None:
    """Why no such path can exist in ``model``; None where it can."""
    place: Any = model
    for part in path.split("."):
        place = _inner(place)
        if isinstance(place, _AnyKey):
            place = place.value
        elif isinstance(place, type) and issubclass(place, BaseModel):
            if part not in place.model_fields:
                known = ", ".join(place.model_fields)
                return f"{path}: {place.__name__} has no {part}; there are {known}"
            place = place.model_fields[part].annotation
        else:
            return f"{path}: nothing lies below the part before {part}"
    return None


class _AnyKey:
    def __init__(self, value: Any) -> None:
        self.value = value


def _inner(annotation: Any) -> Any:
    """What a path steps into: optional and list wrappers removed, a dictionary by its values."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        kept = [a for a in arguments if a is not type(None)]
        return _inner(kept[0])
    if origin in (tuple, list):
        return _inner(arguments[0])
    if origin is dict:
        return _AnyKey(arguments[1])
    return annotation


def value_at(record: BaseModel, path: str) -> Any:
    """The value at ``path``; None where an optional part on the way is absent.

    :raises NotChecked: a dictionary on the way has no such key, or a step has not run.
    """
    place: Any = record
    for part in path.split("."):
        if place is None:
            raise NotChecked(f"{path} is not recorded")
        if isinstance(place, dict):
            if part not in place:
                raise NotChecked(f"{path} is not recorded")
            place = place[part]
        else:
            place = getattr(place, part)
    return place
