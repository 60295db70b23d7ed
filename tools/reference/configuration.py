"""Every key of a configuration, from its JSON Schema and the tables behind its choices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reference.markdown import paragraphs, table
from seatrial.config.metric_names import LOWER_IS_BETTER, METRICS
from seatrial.config.schema import Config
from seatrial.data.augmentation import OPERATIONS
from seatrial.data.sources import SOURCES
from seatrial.data.sources.torchvision_sets import DATASETS
from seatrial.export.formats import FORMATS
from seatrial.training.optimizers import OPTIMIZERS
from seatrial.training.schedules import SCHEDULES

Node = Mapping[str, Any]


def configuration() -> list[str]:
    """Every key of a configuration file, from its JSON Schema."""
    schema = Config.model_json_schema()
    sections = [name for name, node in schema["properties"].items() if _object_in(schema, node)]
    lines = [
        "# Configuration",
        "",
        "One YAML file. Unknown keys, wrong types and impossible combinations are refused, all of",
        "them at once. `model` and `data` are required; everything else has a default.",
        "`seatrial config check FILE` prints a file with every default filled in, `seatrial config",
        "schema` the JSON Schema that editors read, and `KEY=VALUE` after a command overrides a",
        "value: `training.epochs=5`.",
        "",
        "Paths are relative to the project. A number may be written `1e-3`. Tags, aliases and",
        "repeated keys of YAML are refused.",
        "",
        "Sections: " + ", ".join(f"[{name}](#{name})" for name in sections) + ".",
        *_section(schema, schema, "", skip_sections=True),
    ]
    for name, node in schema["properties"].items():
        lines += _sections(schema, node, name)
    lines += ["", "## Metric names", "", "With `val_` or `test_` before them."]
    rows = [
        (f"`{n}`", text, "lower" if n in LOWER_IS_BETTER else "") for n, text in METRICS.items()
    ]
    lines += table(("Name", "Meaning", "Better"), rows)
    lines += ["## Torchvision data sets", "", "For `data.dataset` with `data.source: torchvision`."]
    lines += table(("Name", "What"), [(f"`{n}`", s.description) for n, s in DATASETS.items()])
    return lines


def _sections(schema: Node, node: Node, path: str) -> Iterator[str]:
    found = _object_in(schema, node)
    if found is None:
        return
    if found.get("title") == "Transform":
        yield from _transforms(schema, found, path)
        return
    level = "##" if "." not in path else "###"
    described = paragraphs(found.get("description"))
    yield from ("", f"{level} {path}", "", *described, *_section(schema, found, path))
    for name, below in found["properties"].items():
        yield from _choices(f"{path}.{name}")
        yield from _sections(schema, below, f"{path}.{name}")


def _section(schema: Node, found: Node, path: str, *, skip_sections: bool = False) -> list[str]:
    rows = []
    for name, node in found["properties"].items():
        inner = _object_in(schema, node)
        if skip_sections and inner is not None:
            continue
        required = name in found.get("required", ())
        default = "**required**" if required else _default(node, inner)
        key = f"[`{name}`](#{_anchor(f'{path}.{name}')})" if inner else f"`{name}`"
        rows.append((key, _kind(schema, node), default, node.get("description", "")))
    return table(("Key", "Value", "Default", "Meaning"), rows) if rows else []


def _transforms(schema: Node, found: Node, path: str) -> Iterator[str]:
    yield from ("", f"### {path}", "")
    yield "A list; each entry is one of these with its keys, as in `{horizontal_flip: {p: 0.5}}`."
    rows = []
    for name, node in found["properties"].items():
        inner = _object_in(schema, node)
        assert inner is not None
        for key, below in inner["properties"].items():
            default = "**required**" if key in inner.get("required", ()) else _default(below, None)
            kind = _kind(schema, below)
            rows.append((f"`{name}`", f"`{key}`", kind, default, below.get("description", "")))
    yield from table(("Transform", "Key", "Value", "Default", "Meaning"), rows)
    yield "`{random_crop: [32, 32]}` gives its `size` alone."
    chosen = [(f"`{name}`", operation.description) for name, operation in OPERATIONS.items()]
    yield from table(("Transform", "What it does"), chosen)


def _choices(path: str) -> list[str]:
    """What the choices of a key are, where a table of the program says so."""
    described: dict[str, Mapping[Any, Any]] = {
        "data.source": SOURCES,
        "optimizer.type": OPTIMIZERS,
        "scheduler.type": SCHEDULES,
    }
    if path == "export.formats":
        rows = [
            (f"`{name}`", spec.description, f"`models/{spec.filename}`")
            for name, spec in FORMATS.items()
        ]
        return table(("Format", "What", "File"), rows)
    if path not in described:
        return []
    rows = [(f"`{name}`", spec.description) for name, spec in described[path].items()]
    return table((f"`{path}`", "What"), rows)


def _object_in(schema: Node, node: Node) -> Node | None:
    """The section that a key holds, alone, as a list of them, or beside null."""
    for part in (node, node.get("items", {}), *node.get("anyOf", ())):
        if "$ref" in part:
            found: Node = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
            return found
    return None


def _kind(schema: Node, node: Node) -> str:
    """The values a key may have, in words."""
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(_kind(schema, part) for part in node["anyOf"]))
    if "$ref" in node:
        return "section"
    if "const" in node:
        return f"`{_yaml(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{_yaml(value)}`" for value in node["enum"])
    if "prefixItems" in node:
        return f"{len(node['prefixItems'])} {_several(_kind(schema, node['prefixItems'][0]))}"
    kind = node.get("type")
    if kind == "array":
        return f"list of {_several(_kind(schema, node['items']))}"
    if kind in ("number", "integer"):
        return {"number": "number", "integer": "whole number"}[kind] + _range(node)
    if node.get("format") == "date":
        return "date"
    return {"string": "text", "boolean": "true or false", "object": "keys and values"}.get(
        str(kind), str(kind)
    )


def _range(node: Node) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    parts = [f"{word} {_yaml(node[key])}" for key, word in words.items() if key in node]
    return f" ({', '.join(parts)})" if parts else ""


def _several(kind: str) -> str:
    return re.sub(r"^(whole number|number|section|text)", r"\1s", kind)


def _default(node: Node, inner: Node | None) -> str:
    if "default" not in node or (inner is not None and isinstance(node["default"], dict)):
        return ""
    value = node["default"]
    if isinstance(value, list) and len(value) > len(METRICS) - 1:
        return "all"
    return f"`{_yaml(value)}`"


def _yaml(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'


def _anchor(path: str) -> str:
    return path.strip(".").replace(".", "")
