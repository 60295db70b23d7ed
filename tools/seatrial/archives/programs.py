"""Exported programs (``.pt2``): graphs as JSON, whose strings torch turns into code.

``torch.export.load`` evaluates symbolic expressions and guards, builds Python source from names,
looks operators up by dotted path, and unpickles what a configuration says is pickled. Each of these
strings is held to what torch itself writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_KINDS = frozenset(
    {
        "as_bool", "as_bools", "as_complex", "as_device", "as_expr", "as_float", "as_float_lists",
        "as_floats", "as_graph", "as_int", "as_int_lists", "as_ints", "as_layout",
        "as_memory_format", "as_name", "as_nested_tensors", "as_none", "as_optional_tensor",
        "as_optional_tensors", "as_scalar_type", "as_string", "as_strings", "as_sym_bool",
        "as_sym_bools", "as_sym_float", "as_sym_floats", "as_sym_int", "as_sym_ints", "as_tensor",
        "as_tensors",
    }
)  # fmt: skip
"""Arguments that are tensors or plain values; objects and operators as values are not."""

_OPERATOR = re.compile(
    r"torch\.ops\.(?:aten|torchvision)\.(?!save\b|from_file\b)\w+(?:\.\w+)?"
    r"|torch\.ops\.higher_order\.\w+"
    r"|torch\.sym_\w+|torch\._sym_sqrt|math\.\w+"
    r"|_operator\.(?:getitem|add|sub|mul|floordiv|truediv|mod|pow|neg|pos|eq|ne|lt|le|gt|ge|and_|or_"
    r"|invert|not_|lshift|rshift)"
)
_NAME = re.compile(r"[\w.\-]*")
_EXPRESSION = re.compile(r"[\w\s+\-*/%(),<>=!&|~]*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_FUNCTIONS = frozenset(
    {
        "Abs", "And", "CeilDiv", "CeilToInt", "CleanDiv", "Eq", "FloatPow", "FloatTrueDiv",
        "FloorDiv", "FloorToInt", "Ge", "Gt", "Identity", "IntTrueDiv", "LShift", "Le", "Lt", "Max",
        "Min", "Mod", "ModularIndexing", "Ne", "Not", "Or", "Piecewise", "PowByNatural",
        "PythonMod", "RShift", "RoundToInt", "ToFloat", "True", "False", "TruncToFloat",
        "TruncToInt", "Where", "ceiling", "floor", "int_oo", "oo", "true", "false",
        "Add", "BooleanFalse", "BooleanTrue", "Equality", "GreaterThan", "Integer", "LessThan",
        "Mul", "Pow", "Rational", "StrictGreaterThan", "StrictLessThan", "Unequality",
    }
)  # fmt: skip
_DECLARED = re.compile(r"Symbol\('\w{1,40}'(?:, \w{1,40}=(?:True|False))*\)")
"""A symbol as torch writes it, with what is assumed of it."""
_SYMBOL = re.compile(r"z?[a-z]{1,3}\d{1,6}|batch_size|batch")
_GUARD_WORDS = frozenset(
    {
        "L", "args", "kwargs", "size", "stride", "storage_offset", "shape", "and", "or", "not",
        "math", "isnan", "inf", "input", "x",
    }
)  # fmt: skip
_GUARD = re.compile(r"[\w\s+\-*/%(),<>=!&|~.\[\]']*")
_METADATA = frozenset({"nn_module_stack", "torch_fn", "stack_trace", "custom"})
_TREES = frozenset(
    {"builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", None}
)
_LONGEST = 2000


def graph_problem(content: bytes) -> str | None:
    """Why a model's graph may not be loaded; None where it names tensors and operators alone."""
    try:
        return _walk(json.loads(content), _GRAPH_RULES)
    except (ValueError, RecursionError) as error:
        return f"not a graph: {type(error).__name__}"


def config_problem(content: bytes) -> str | None:
    """Why a list of weights or constants may not be loaded; None where all are plain tensors."""
    try:
        config = json.loads(content)
        entries = config["config"].values()
        if any(entry.get("use_pickle") is not False for entry in entries):
            return "weights as a pickle program"
        if not all(re.fullmatch(r"(?:weight|tensor)_\d+", e["path_name"]) for e in entries):
            return "weights in files of other names than torch gives"
        return _walk(config, _GRAPH_RULES)
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
        return f"not a list of weights: {type(error).__name__}"


def _target(value: Any) -> str | None:
    if isinstance(value, str) and _OPERATOR.fullmatch(value):
        return None
    # An input or buffer is named here too, as the signature of the graph has it.
    if isinstance(value, str) and _NAME.fullmatch(value) and not value.startswith(_ROOTS):
        return None
    return f"the operator {str(value)[:80]!r}"


_ROOTS = ("torch", "_operator", "math", "#", "__")


def _name(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and _NAME.fullmatch(value)):
        return None
    return f"the name {str(value)[:80]!r}"


def _expression(value: Any) -> str | None:
    text = re.sub(r"\d+\.\d*(?:e[+-]?\d+)?", "1", _DECLARED.sub("s0", str(value)))
    words = _WORD.findall(text)
    known = all(word in _FUNCTIONS or _SYMBOL.fullmatch(word) for word in words)
    if known and _EXPRESSION.fullmatch(text) and len(text) <= _LONGEST:
        return None
    return f"the expression {str(value)[:80]!r}"


def _guards(value: Any) -> str | None:
    for guard in value or ():
        text = str(guard)
        words = [word for word in _WORD.findall(text) if word not in _GUARD_WORDS | _FUNCTIONS]
        known = all(_SYMBOL.fullmatch(word) for word in words)
        if not (known and _GUARD.fullmatch(text) and len(text) <= _LONGEST):
            return f"the guard {text[:80]!r}"
    return None


def _metadata(value: Any) -> str | None:
    other = set(value or ()) - _METADATA
    return f"the note {min(other)[:80]!r}" if other else None


def _tree(value: Any) -> str | None:
    def types(part: Any) -> bool:
        if isinstance(part, dict):
            return part.get("type") in _TREES and all(map(types, part.values()))
        return all(map(types, part)) if isinstance(part, list) else True

    return None if not value or types(json.loads(value)) else "arguments of foreign types"


def _never(value: Any) -> str | None:
    return "an object of foreign code" if value else None


_Rule = Callable[[Any], str | None]
_GRAPH_RULES: Mapping[str, _Rule] = {
    "target": _target,
    "name": _name,
    "as_name": _name,
    "parameter_name": _name,
    "buffer_name": _name,
    "user_input_name": _name,
    "fqn": _name,
    "expr_str": _expression,
    "guards_code": _guards,
    "metadata": _metadata,
    "in_spec": _tree,
    "out_spec": _tree,
    "custom_obj_values": _never,
    "class_fqn": _never,
}


def _walk(root: Any, rules: Mapping[str, _Rule]) -> str | None:
    """The first value, however deep, that breaks the rule for its key."""
    places = [root]
    while places:
        place = places.pop()
        if isinstance(place, list):
            places += place
        if not isinstance(place, dict):
            continue
        for key, value in place.items():
            if key.startswith("as_") and key not in _KINDS:
                return f"an argument of the kind {key[:60]!r}"
            problem = rules[key](value) if key in rules else None
            if problem:
                return problem
            if not (key == "metadata" and isinstance(value, dict)):
                places.append(value)
    return None
