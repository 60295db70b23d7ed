"""YAML as data and nothing else: no tags, aliases, or repeated keys, and ``1e-3`` is a number.

Of YAML's types there are text, numbers, true and false, null, lists, and mappings with text for
keys. A date is text, which the typed schema turns into a date; so is ``1:30``, and ``<<``.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from seatrial.errors import ConfigurationError
from seatrial.files import read_bytes

MAX_BYTES = 1 << 18
MAX_DEPTH = 40

# YAML 1.1, which PyYAML follows, reads 1e-3 as text; YAML 1.2's core schema reads a number.
_INT = re.compile(r"^[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)

Lines = dict[tuple[str | int, ...], int]
"""The line, counted from 1, at which the value of each path in a document stands."""


class _Loader(yaml.SafeLoader):
    """Safe loading that also refuses aliases, repeated keys and deep nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lines: Lines = {}
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self.check_event(yaml.events.AliasEvent):
            self._refuse("aliases (*name) are not allowed")
        if self._depth > MAX_DEPTH:
            self._refuse(f"nested more than {MAX_DEPTH} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refuse(self, problem: str) -> NoReturn:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        raise yaml.composer.ComposerError(None, None, problem, event.start_mark)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag != _TEXT:
                problem = "a key must be text; put it in quotes"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            if key_node.value in seen:
                problem = f"the key {key_node.value!r:.80} stands here twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def construct_plain_int(self, node: Any) -> int:
        """``0o17`` as YAML 1.2 writes it, too; a number of thousands of digits is refused."""
        text = node.value.replace("_", "")
        if len(text) > _MOST_DIGITS:
            problem = f"a number of {len(text)} characters; at most {_MOST_DIGITS} are read"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return int(super().construct_yaml_int(node)) if "0o" not in text else int(text, 8)

    def note_lines(self, node: yaml.Node, path: tuple[str | int, ...] = ()) -> None:
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self.note_lines(value, (*path, str(key.value)))
                self.lines[(*path, str(key.value))] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.note_lines(value, (*path, index))


_YAML = "tag:yaml.org,2002:"
_TEXT = f"{_YAML}str"
_MOST_DIGITS = 400
_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map")

_Loader.yaml_implicit_resolvers = {
    first: kept
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if (kept := [one for one in resolvers if one[0] in (f"{_YAML}null", f"{_YAML}bool")])
}
_Loader.add_implicit_resolver(f"{_YAML}int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_YAML}float", _FLOAT, list("-+0123456789."))
_Loader.yaml_constructors = {
    tag: construct
    for tag, construct in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag in [f"{_YAML}{name}" for name in _PLAIN]
}
_Loader.yaml_constructors[f"{_YAML}int"] = _Loader.construct_plain_int


def parse(text: str, name: str) -> tuple[Any, Lines]:
    """A YAML document as plain data, and the line of every value.

    :raises ConfigurationError: with ``name``, line and reason.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None, {}
            loader.note_lines(node)
            return loader.construct_document(node), loader.lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = " ".join(str(error.problem).split())
        raise ConfigurationError(f"{name}{line}: not valid YAML: {reason}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(f"{name}: not valid YAML: {reason}") from None


def read(path: Path, name: str | None = None) -> tuple[Any, Lines]:
    """:func:`parse` a file.

    :raises InputError: there is no such file, or it cannot be read.
    :raises ConfigurationError: too large, not UTF-8, or not plain YAML.
    """
    name = name or str(path)
    content = read_bytes(path, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{name}: at most {MAX_BYTES} bytes are read, found more")
    try:
        return parse(content.decode(), name)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name}: not UTF-8 text: {error.reason}") from None


class _Dumper(yaml.SafeDumper):
    """A key a line, as people write it; lists of plain values in brackets on one line."""


def _list(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    plain = all(not isinstance(item, (dict, list)) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=plain)


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    # PyYAML writes rare line breaks unescaped unless the text is in double quotes.
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(list, _list)
_Dumper.add_representer(str, _text)


def dump(value: Any) -> str:
    """Plain data as YAML for people, in the order given."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
