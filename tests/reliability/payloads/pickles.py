"""Pickle programs that open the canary for writing, in every way a program can name a callable,
and in every wrapping that some loader unpacks."""

from __future__ import annotations

import copyreg
import io
import pickle
import pickletools
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from reliability.payloads import Payload

Program = Callable[[Path], bytes]
EXTENSION = 0xF1


class Touch:
    """What honest-looking pickles carry: an object whose reduction is a call."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def _text(value: str) -> bytes:
    return b"S'" + value.encode() + b"'\n"


def _short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value.encode())]) + value.encode()


def _long(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


PROGRAMS: dict[str, Program] = {
    "reduce": lambda c: b"cbuiltins\nopen\n(" + _text(str(c)) + b"S'w'\ntR.",
    "global_reduce": lambda c: (
        b"\x80\x02cbuiltins\nopen\n" + _long(str(c)) + _long("w") + b"\x86R."
    ),
    "inst": lambda c: b"(" + _text(str(c)) + b"S'w'\nibuiltins\nopen\n.",
    "obj": lambda c: b"(cbuiltins\nopen\n" + _text(str(c)) + b"S'w'\no.",
    "stack_global": lambda c: (
        b"\x80\x04" + _short("builtins") + _short("open") + b"\x93" + _long(str(c)) + _long("w")
        + b"\x86R."
    ),
    "dotted_name": lambda c: (
        b"\x80\x04" + _short("pathlib") + _short("Path.touch") + b"\x93" + _short("pathlib")
        + _short("Path") + b"\x93" + _long(str(c)) + b"\x85R\x85R."
    ),
    "computed_name": lambda c: (
        b"\x80\x02c__builtin__\ngetattr\ncbuiltins\n__import__\n" + _long("io") + b"\x85R"
        + _long("open") + b"\x86R" + _long(str(c)) + _long("w") + b"\x86R."
    ),
    "build": lambda c: (
        b"\x80\x02cfunctools\npartial\ncbuiltins\nprint\n\x85R(cbuiltins\nopen\n" + _long(str(c))
        + _long("w") + b"\x86}Ntb)R."
    ),
    "extension": lambda c: (
        b"\x80\x02\x82" + bytes([EXTENSION]) + _long(str(c)) + _long("w") + b"\x86R."
    ),
    "memo": lambda c: (
        b"\x80\x02cbuiltins\nopen\nq\x00" + _long(str(c)) + _long("w") + b"\x86q\x010h\x00h\x01R."
    ),
}  # fmt: skip


def _protocol(number: int) -> Program:
    return lambda canary: pickle.dumps(Touch(canary), protocol=number)


PROGRAMS |= {f"protocol_{number}": _protocol(number) for number in range(6)}


def unpickle(path: Path) -> object:
    """What a careless loader does."""
    copyreg.add_extension("builtins", "open", EXTENSION)
    return pickle.loads(path.read_bytes())  # noqa: S301  a throwaway process's


def torch_load(path: Path) -> object:
    """The same by way of torch."""
    copyreg.add_extension("builtins", "open", EXTENSION)
    return torch.load(path, weights_only=False)


def load_arrays(path: Path) -> object:
    """The same by way of NumPy."""
    loaded = np.load(path, allow_pickle=True)
    return {name: loaded[name] for name in loaded} if hasattr(loaded, "files") else loaded


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as writer:
        for name, content in entries.items():
            writer.writestr(name, content)
    return stream.getvalue()


def in_torch_archive(program: bytes) -> bytes:
    """As ``torch.save`` writes since 1.6."""
    entries = {"a/data.pkl": program, "a/byteorder": b"little", "a/version": b"3\n"}
    return archive(entries)


def in_old_form(program: bytes, place: int = 3) -> bytes:
    """As ``torch.save`` wrote before 1.6, with ``program`` in place of one of its five."""
    content = io.BytesIO()
    torch.save({"w": torch.zeros(1)}, content, _use_new_zipfile_serialization=False)
    parts, stream = [], io.BytesIO(content.getvalue())
    for _ in range(5):
        start = stream.tell()
        for _opcode in pickletools.genops(stream):
            pass
        parts.append(content.getvalue()[start : stream.tell()])
    rest = stream.read()
    parts[place] = program
    return b"".join(parts) + rest


def in_tar(program: bytes) -> bytes:
    """As torch wrote before 0.4."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as writer:
        for name in ("storages", "tensors", "pickle"):
            content = program if name == "storages" else pickle.dumps(0)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            writer.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def in_state_dict(canary: Path) -> bytes:
    """Among honest weights."""
    stream = io.BytesIO()
    torch.save(
        {"model_state_dict": {"w": torch.zeros(2)}, "format_version": 1, "note": Touch(canary)},
        stream,
    )
    return stream.getvalue()


def in_object_array(canary: Path) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, train_images=np.array([Touch(canary)], dtype=object))
    return stream.getvalue()


def in_single_array(canary: Path) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Touch(canary)], dtype=object), allow_pickle=True)
    return stream.getvalue()


def twice(program: bytes) -> bytes:
    """Two entries of one name: readers differ on which of them counts."""
    import warnings

    honest = io.BytesIO()
    torch.save({"w": torch.zeros(2)}, honest)
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as writer:
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(honest) as old:
            for entry in old.infolist():
                writer.writestr(entry.filename, old.read(entry))
            root = old.namelist()[0].partition("/")[0]
        writer.writestr(f"{root}/data.pkl", program)
    return stream.getvalue()


def _payloads() -> list[Payload]:
    found = []
    for name, program in PROGRAMS.items():
        found += [
            Payload(f"raw_{name}", ".pt", lambda _f, c, p=program: p(c), unpickle),
            Payload(
                f"archive_{name}",
                ".pt",
                lambda _f, c, p=program: in_torch_archive(p(c)),
                torch_load,
            ),
        ]
    plain = PROGRAMS["global_reduce"]
    found += [
        Payload(
            f"old_form_{place}", ".pt", lambda _f, c, n=place: in_old_form(plain(c), n), torch_load
        )
        for place in range(5)
    ]
    return [
        *found,
        Payload("tar", ".pt", lambda _f, c: in_tar(plain(c)), torch_load),
        Payload("state_dict", ".pt", lambda _f, c: in_state_dict(c), torch_load),
        Payload("twice", ".pt", lambda _f, c: twice(plain(c)), torch_load),
        Payload("named_safetensors", ".safetensors", lambda _f, c: plain(c), unpickle),
        Payload("named_onnx", ".onnx", lambda _f, c: plain(c), unpickle),
        Payload("joblib", ".pkl", lambda _f, c: plain(c), unpickle),
        Payload("object_arrays", ".npz", lambda _f, c: in_object_array(c), load_arrays),
        Payload("object_array", ".npy", lambda _f, c: in_single_array(c), load_arrays),
    ]


PAYLOADS = _payloads()
