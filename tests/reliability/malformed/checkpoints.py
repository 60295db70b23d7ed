"""Checkpoint files: damaged, of another network, of other types, with values that are none."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from reliability.malformed.case import Case

GIVEN = "checkpoints/production/final_model_best.pt"


def _state(project: Path) -> dict[str, Any]:
    content = torch.load(project / GIVEN, weights_only=True)
    state: dict[str, Any] = content["model_state_dict"]
    return state


Make = Callable[[Path], bytes]


def _case(name: str, make: Make | bytes, *says: str, suffix: str = ".pt") -> Case:
    file = f"broken{suffix}"

    def build(project: Path) -> None:
        (project / file).write_bytes(make(project) if callable(make) else make)

    arguments = ("evaluate", "--config", "config.yaml", "--checkpoint", file)
    return Case(name, arguments, 3, (file, *says), build)


def _changed(name: str, change: Callable[[dict[str, Any]], object], *says: str) -> Case:
    """The healthy weights, changed in place, as ``torch.save`` writes them."""

    def make(project: Path) -> bytes:
        state = dict(_state(project))
        returned = change(state)
        return _saved(state if returned is None else returned)

    return _case(name, make, *says)


def _saved(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def _first(state: dict[str, Any]) -> str:
    return next(key for key, value in state.items() if value.dim() == 4)


def _drop(state: dict[str, Any]) -> None:
    del state[_first(state)]


def _reshape(state: dict[str, Any]) -> None:
    state[_first(state)] = torch.zeros(2, 2)


def _not_a_number(state: dict[str, Any]) -> None:
    state[_first(state)] = torch.full_like(state[_first(state)], float("nan"))


def _infinite(state: dict[str, Any]) -> None:
    state[_first(state)].view(-1)[0] = float("inf")


def _beyond_float32(state: dict[str, Any]) -> None:
    state[_first(state)] = torch.full_like(state[_first(state)], 1e300, dtype=torch.float64)


def _complex(state: dict[str, Any]) -> None:
    state[_first(state)] = state[_first(state)].to(torch.complex64)


def _integers(state: dict[str, Any]) -> None:
    state[_first(state)] = state[_first(state)].to(torch.int64)


def _sparse(state: dict[str, Any]) -> None:
    state[_first(state)] = state[_first(state)].to_sparse()


def _meta(state: dict[str, Any]) -> None:
    state[_first(state)] = state[_first(state)].to("meta")


def _huge_view(state: dict[str, Any]) -> None:
    # A tensor of a terabyte by its strides, of four bytes in the file.
    state[_first(state)] = torch.zeros(1).expand(1 << 38)


def _rewritten(project: Path, change: Callable[[str, bytes], bytes]) -> bytes:
    """The healthy file with its members changed."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(project / GIVEN) as source,
        zipfile.ZipFile(stream, "w") as target,
    ):
        for entry in source.infolist():
            target.writestr(entry.filename, change(entry.filename, source.read(entry)))
    return stream.getvalue()


def _safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _tensors(change: Callable[[dict[str, Any]], object]) -> Make:
    def make(project: Path) -> bytes:
        state = {key: value.contiguous() for key, value in _state(project).items()}
        change(state)
        return safetensors.torch.save(state)

    return make


def _half(project: Path) -> bytes:
    content = (project / GIVEN).read_bytes()
    return content[: len(content) // 2]


def _soft(name: str, make: Make | bytes, *says: str) -> Case:
    return _case(name, make, *says, suffix=".safetensors")


_ONE = {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}

CASES = (
    Case(
        "no file",
        ("evaluate", "--config", "config.yaml", "--checkpoint", "absent.pt"),
        3,
        ("absent.pt", "no such file"),
    ),
    Case(
        "a folder",
        ("evaluate", "--config", "config.yaml", "--checkpoint", "images"),
        3,
        ("images",),
    ),
    _case("empty", b"", "broken.pt"),
    _case("text", b"weights\n", "broken.pt"),
    _case("an archive's first bytes", b"PK\x03\x04 cut short"),
    _case("an empty archive", b"PK\x05\x06" + bytes(18)),
    _case("cut in the middle", _half),
    _case("without its last bytes", lambda p: (p / GIVEN).read_bytes()[:-30]),
    _case(
        "weights cut",
        lambda p: _rewritten(
            p, lambda name, data: data[: len(data) // 2] if "/data/" in name else data
        ),
    ),
    _case(
        "weights absent",
        lambda p: _rewritten(p, lambda name, data: b"" if "/data/" in name else data),
    ),
    _case(
        "a program cut",
        lambda p: _rewritten(
            p, lambda name, data: data[:50] if name.endswith("data.pkl") else data
        ),
    ),
    _case(
        "a program of noise",
        lambda p: _rewritten(
            p, lambda name, data: bytes(range(256)) if name.endswith("data.pkl") else data
        ),
    ),
    _case(
        "another byte order",
        lambda p: _rewritten(
            p, lambda name, data: b"middle" if name.endswith("byteorder") else data
        ),
    ),
    _case("a list", lambda _: _saved([1, 2]), "state dict"),
    _case("a tensor", lambda _: _saved(torch.zeros(2)), "state dict"),
    _case("a number", lambda _: _saved(3), "state dict"),
    _case("an empty dictionary", lambda _: _saved({}), "nothing"),
    _case("text for weights", lambda _: _saved({"x": "y"}), "state dict"),
    _case("a state dict of a list", lambda _: _saved({"state_dict": [1]}), "state dict"),
    _case("numbers for names", lambda _: _saved({1: torch.zeros(2)}), "missing"),
    _case("a whole network", lambda _: _saved(torch.nn.Linear(2, 2)), "broken.pt"),
    _case("another network", lambda _: _saved({"fc.weight": torch.zeros(2)}), "fc.weight"),
    _case("a name of a megabyte", lambda _: _saved({"n" * (1 << 20): torch.zeros(2)}), "missing"),
    _case("a name with line breaks", lambda _: _saved({"a\nb\x1b[31m": torch.zeros(2)}), "missing"),
    _changed("a weight absent", _drop, "missing"),
    _changed("a weight more", lambda s: s.update(more=torch.zeros(1)), "unexpected", "more"),
    _changed("a weight of another shape", _reshape, "another shape"),
    _changed("a weight that is not a number", _not_a_number, "not finite"),
    _changed("an infinite weight", _infinite, "not finite"),
    _changed("a weight beyond float32", _beyond_float32, "not finite"),
    _changed("complex weights", _complex, "complex"),
    _changed("whole numbers for weights", _integers, "int64"),
    _changed("sparse weights", _sparse, "broken.pt"),
    _changed("weights without values", _meta, "broken.pt"),
    _changed("a terabyte by its strides", _huge_view, "another shape"),
    _soft("a torch file under another name", lambda p: (p / GIVEN).read_bytes()),
    _soft("safetensors empty", b""),
    _soft("safetensors of three bytes", b"abc"),
    _soft("a header of exabytes", _safetensors(b"{}", length=1 << 60)),
    _soft("a header past the end", _safetensors(b"{}", length=1000)),
    _soft("a header that is not JSON", _safetensors(b"{'a'}")),
    _soft("a header that is a list", _safetensors([])),
    _soft("a header nested deep", _safetensors(b'{"a":' * 50_000)),
    _soft("data past the end", _safetensors(_ONE, b"1234")),
    _soft("data left over", _safetensors(_ONE, bytes(80))),
    _soft("an unknown type", _safetensors({"x": {**_ONE["x"], "dtype": "X9"}}, bytes(8))),
    _soft(
        "offsets the wrong way",
        _safetensors({"x": {**_ONE["x"], "data_offsets": [8, 0]}}, bytes(8)),
    ),
    _soft("a negative shape", _safetensors({"x": {**_ONE["x"], "shape": [-2]}}, bytes(8))),
    _soft(
        "a shape that overflows",
        _safetensors({"x": {**_ONE["x"], "shape": [1 << 62, 8]}}, bytes(8)),
    ),
    _soft("a weight absent from safetensors", _tensors(_drop), "missing"),
    _soft("a shape in safetensors", _tensors(_reshape), "another shape"),
    _soft("not a number in safetensors", _tensors(_not_a_number), "not finite"),
)
