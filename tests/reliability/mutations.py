"""Changes to bytes and to JSON for property-based tests: what damage and malice do to a file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Change = Callable[[bytes], bytes]

_SIZES = st.integers(0, 64)
_PLACES = st.floats(0, 1, exclude_max=True)
_TOKENS = st.sampled_from(
    [
        b"\0", b"\xff\xfe", b"\r\n", b'"', b"'", b"{", b"[", b"]" * 40, b"[" * 60, b"-1", b"1e999",
        b"9" * 5000, b"NaN", b"null", b"true", b"../../..", b"/etc/passwd", b"\x1b[31m", b"${x}",
        b"!!python/name:os.system", b"&a", b"*a", b"<<:", b"\xed\xa0\x80", b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x80\x80\x80\x80\x01", b"PK\x01\x02",
        b"\xe2\x80\xae", b"0" * 4096,
    ]
)  # fmt: skip
"""What parsers stumble over: ends, depths, sizes, escapes."""

_ODD_VALUES: list[Any] = [
    None, True, 0, -1, 10**30, 1e308, "", "\0", "x" * 5000, "../../outside", "/etc/passwd",
    "\x1b[31m\n", "\udcff", [], {}, [[]], {"": None}, [None] * 100,
]  # fmt: skip


def _at(content: bytes, place: float) -> int:
    return int(place * len(content))


def _flip(place: float, bit: int) -> Change:
    def change(content: bytes) -> bytes:
        if not content:
            return content
        index = _at(content, place)
        return content[:index] + bytes([content[index] ^ 1 << bit]) + content[index + 1 :]

    return change


def _cut(place: float) -> Change:
    return lambda content: content[: _at(content, place)]


def _delete(place: float, size: int) -> Change:
    return lambda content: content[: _at(content, place)] + content[_at(content, place) + size :]


def _insert(place: float, token: bytes) -> Change:
    return lambda content: content[: _at(content, place)] + token + content[_at(content, place) :]


def _replace(place: float, token: bytes) -> Change:
    def change(content: bytes) -> bytes:
        index = _at(content, place)
        return content[:index] + token + content[index + len(token) :]

    return change


def _repeat(place: float, size: int) -> Change:
    def change(content: bytes) -> bytes:
        index = _at(content, place)
        return content[: index + size] + content[index:]

    return change


BYTE_CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(_flip, _PLACES, st.integers(0, 7)),
    st.builds(_cut, _PLACES),
    st.builds(_delete, _PLACES, _SIZES),
    st.builds(_insert, _PLACES, _TOKENS),
    st.builds(_replace, _PLACES, _TOKENS),
    st.builds(_insert, _PLACES, st.binary(max_size=20)),
    st.builds(_repeat, _PLACES, _SIZES),
)
"""One change to bytes, of any format."""


def _exchange(turns: list[int], value: object) -> Change:
    """A value somewhere in a JSON document becomes another one, or a key appears."""

    def change(content: bytes) -> bytes:
        try:
            document = json.loads(content)
        except ValueError:
            return content
        return json.dumps(_exchanged(copy.deepcopy(document), list(turns), value)).encode()

    return change


def _exchanged(node: Any, turns: list[int], value: object) -> Any:
    if not turns or not isinstance(node, (dict, list)) or not node:
        return value
    turn = turns.pop(0)
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = keys[turn % len(keys)]
    if turn % 7 == 6 and isinstance(node, dict):
        node[f"more{turn}"] = value
    elif turn % 7 == 5:
        del node[key]
    else:
        node[key] = _exchanged(node[key], turns, value)
    return node


JSON_CHANGES: st.SearchStrategy[Change] = st.builds(
    _exchange, st.lists(st.integers(0, 999), max_size=6), st.sampled_from(_ODD_VALUES)
)
"""One change to a JSON document, which stays JSON."""


def changed(content: bytes, changes: list[Change]) -> bytes:
    """All ``changes`` one after the other."""
    for change in changes:
        content = change(content)
    return content
