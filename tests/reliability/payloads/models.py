"""TorchScript files and exported programs that do harm when they are loaded or first run."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from reliability.payloads import Payload
from reliability.payloads.pickles import PROGRAMS

PLACE = "/canary-of-seatrial"


class Saves(nn.Module):
    """Writes a file when it is first run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "/canary-of-seatrial")
        return x


class Maps(nn.Module):
    """Makes a file when it is first run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.from_file("/canary-of-seatrial", True, 16).sum()


class Wakes(nn.Module):
    """Writes a file while it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = torch.zeros(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.kept

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return self.kept, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        self.kept = state[0]
        self.training = state[1]
        torch.save(self.kept, "/canary-of-seatrial")


def scripted(kind: type[nn.Module]) -> Callable[[Path, Path], bytes]:
    def build(_folder: Path, canary: Path) -> bytes:
        stream = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.save(torch.jit.script(kind()), stream)
        return _rewritten(stream.getvalue(), {"code/": lambda c: _placed(c, canary)})

    return build


def _placed(content: bytes, canary: Path) -> bytes:
    return content.replace(PLACE.encode(), str(canary).encode())


def _rewritten(content: bytes, changes: dict[str, Callable[[bytes], bytes]]) -> bytes:
    """The archive with the entries changed whose names begin so."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            data, name = old.read(entry), entry.filename.partition("/")[2]
            for start, change in changes.items():
                data = change(data) if name.startswith(start) else data
            if not name.endswith(".debug_pkl"):
                new.writestr(entry.filename, data)
    return out.getvalue()


@cache
def honest_program() -> bytes:
    """A small network as ``torch.export`` saves it."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).eval()
    batch = torch.export.Dim("batch")
    with torch.no_grad():
        program = torch.export.export(
            model, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=({0: batch},)
        )
    stream = io.BytesIO()
    torch.export.save(program, stream)
    return stream.getvalue()


def with_json(start: str, change: Callable[[Any, Path], None]) -> Callable[[Path, Path], bytes]:
    def build(_folder: Path, canary: Path) -> bytes:
        def edit(content: bytes) -> bytes:
            document = json.loads(content)
            change(document, canary)
            return json.dumps(document).encode()

        return _rewritten(honest_program(), {start: edit})

    return build


def _expression(document: Any, canary: Path) -> None:
    code = f"__import__('pathlib').Path({str(canary)!r}).touch() or Integer(2)"

    def walk(place: Any) -> None:
        if isinstance(place, dict):
            if "expr_str" in place:
                place["expr_str"] = code
            for value in place.values():
                walk(value)
        elif isinstance(place, list):
            for value in place:
                walk(value)

    walk(document)


def _guard(document: Any, canary: Path) -> None:
    document["guards_code"] = [f"open({str(canary)!r}, 'w') is not None"]


def _pickled_weight(_folder: Path, canary: Path) -> bytes:
    from reliability.payloads.pickles import in_torch_archive

    def config(content: bytes) -> bytes:
        document = json.loads(content)
        next(iter(document["config"].values()))["use_pickle"] = True
        return json.dumps(document).encode()

    program = in_torch_archive(PROGRAMS["global_reduce"](canary))
    return _rewritten(
        honest_program(),
        {"data/weights/model_weights_config": config, "data/weights/weight_0": lambda _: program},
    )


def _added(_folder: Path, canary: Path) -> bytes:
    """A constant that is an object, unpickled by name."""
    entry = {
        "path_name": "opaque_obj_0",
        "is_param": False,
        "use_pickle": True,
        "tensor_meta": None,
    }

    def config(_content: bytes) -> bytes:
        return json.dumps({"config": {"constant": entry}}).encode()

    content = _rewritten(honest_program(), {"data/constants/model_constants_config": config})
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as writer:
        root = writer.namelist()[0].partition("/")[0]
        program = PROGRAMS["global_reduce"](canary)
        writer.writestr(f"{root}/data/constants/opaque_obj_0", program)
    return out.getvalue()


def _sample_inputs(_folder: Path, canary: Path) -> bytes:
    from reliability.payloads.pickles import in_old_form

    program = in_old_form(PROGRAMS["global_reduce"](canary))
    return _rewritten(honest_program(), {"data/sample_inputs/": lambda _: program})


def load_script(path: Path) -> object:
    """Load and run TorchScript, as a careless server does."""
    return torch.jit.load(str(path))(torch.zeros(1))


def load_program(path: Path) -> object:
    """Load and run an exported program."""
    return torch.export.load(str(path)).module()(torch.zeros(2, 3, 8, 8))


PAYLOADS = [
    Payload("script_saves", ".pt", scripted(Saves), load_script),
    Payload("script_maps_a_file", ".pt", scripted(Maps), load_script),
    Payload("script_wakes", ".pt", scripted(Wakes), load_script),
    Payload("program_expression", ".pt2", with_json("models/", _expression), load_program),
    Payload("program_guard", ".pt2", with_json("models/", _guard), load_program),
    Payload("program_pickled_weight", ".pt2", _pickled_weight, load_program),
    Payload("program_object", ".pt2", _added, load_program),
    Payload("program_sample_inputs", ".pt2", _sample_inputs, load_program),
]
