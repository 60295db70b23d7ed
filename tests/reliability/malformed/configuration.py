"""Configuration files: YAML that is none, that means harm, and values that make no sense."""

from __future__ import annotations

from reliability.malformed.case import Case, writes
from reliability.malformed.seed import CONFIG

CHECK = ("config", "check", "config.yaml")


# A file may have several mistakes; each has its line, and all are said at once.
def _text(name: str, content: bytes | str, *says: str, code: int = 2) -> Case:
    return Case(name, CHECK, code, says, writes("config.yaml", content), lines=None)


LAUGHS = "".join(
    f"{chr(97 + n)}: &{chr(97 + n)} [{', '.join(['*' + chr(96 + n)] * 9) if n else 'lol'}]\n"
    for n in range(10)
)

CASES = (
    _text("empty", "", "empty"),
    _text("only a comment", "# nothing\n", "empty"),
    _text("null", "null\n", "empty"),
    _text("a list", "- model\n- data\n", "list"),
    _text("a word", "model\n", "str"),
    _text("a number", "1e999999\n", "config.yaml"),
    _text("an open bracket", "model: [", "not valid YAML"),
    _text("an open quote", "model: 'x\n", "not valid YAML"),
    _text("tabs", "model:\n\tarchitecture: x\n", "not valid YAML", ":2"),
    _text("two documents", "a: 1\n---\nb: 2\n", "not valid YAML"),
    _text("a repeated key", CONFIG + "data: {source: digits}\n", "twice"),
    _text("a repeated key deep inside", "model: {architecture: a, architecture: b}\n", "twice"),
    _text("a repeated key as text and number", "1: a\n'1': b\n", "config.yaml"),
    _text("an alias", "a: &a [x]\nb: *a\n", "aliases"),
    _text("aliases that explode", LAUGHS, "aliases"),
    _text("an alias of itself", "a: &a [*a]\n", "aliases"),
    _text("a merge key", "a: &a {x: 1}\nb: {<<: *a}\n", "aliases"),
    _text("a merge of what is none", "a: {<<: 3}\n", "config.yaml"),
    _text("a Python object", "model: !!python/object/apply:os.system [id]\n", "not valid YAML"),
    _text("a Python name", "model: !!python/name:os.system\n", "not valid YAML"),
    _text("a local tag", "model: !run {x: 1}\n", "not valid YAML"),
    _text("a binary tag", "model: !!binary aGVsbG8=\n", "config.yaml"),
    _text("a set", "model: !!set {a, b}\n", "config.yaml"),
    _text("a date", "model: 2026-11-20\n", "config.yaml"),
    _text("a date that is none", "model: 2026-99-99\n", "config.yaml"),
    _text("an integer tag on text", "model: !!int x\n", "not valid YAML"),
    _text("nested thousandfold", "a: " + "[" * 5000 + "]" * 5000, "deep"),
    _text("nested thousandfold, block", "".join(f"{' ' * n}- \n" for n in range(300)), "config"),
    _text("a list as key", "? [a, b]\n: 1\n", "not valid YAML"),
    _text("a mapping as key", "? {a: b}\n: 1\n", "not valid YAML"),
    _text("numbers as keys", "1: 2\n3.5: 4\ntrue: x\n", "config.yaml"),
    _text("null as key", "null: 2\n", "config.yaml"),
    _text("NUL bytes", b"model: a\0b\n", "not valid YAML"),
    _text("a control character", b"model: \x07\n", "not valid YAML"),
    _text("invalid UTF-8", b"model: \xff\xfe\xfd\n", "UTF-8"),
    _text("UTF-16", CONFIG.encode("utf-16"), "UTF-8"),
    _text("Latin-1", "model: é\n".encode("latin-1"), "UTF-8"),
    _text("a surrogate", b"model: \xed\xa0\x80\n", "UTF-8"),
    _text("binary", bytes(range(256)) * 64, "config.yaml"),
    _text("two megabytes", "a: " + "x" * (2 << 20), "bytes"),
    _text("a hundred thousand keys", "".join(f"k{n}: 1\n" for n in range(100_000)), "config.yaml"),
    _text("a key of a megabyte", "k" * 900_000 + ": 1\n", "config.yaml"),
    _text("a number of a hundred thousand digits", "model: " + "9" * 100_000, "config.yaml"),
    _text("a base 60 number", "model: " + ":".join(["59"] * 50_000), "config.yaml"),
)
