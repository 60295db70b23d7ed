"""NumPy archives: arrays that are none, that need code, that lie about their size."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reliability.malformed.case import Case

Arrays = Mapping[str, Any]


def _images(count: int = 60) -> Any:
    return np.random.default_rng(0).integers(0, 255, (count, 8, 8, 3), dtype=np.uint8)


def _labels(count: int = 60) -> Any:
    return np.arange(count) % 2


def _npz(arrays: Arrays, *, pickled: bool = False) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array), allow_pickle=pickled)
            archive.writestr(f"{name}.npy", content.getvalue())
    return stream.getvalue()


def _zip(entries: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """An array file with a header of one's own."""
    text = header.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes((version, 0)) + size + text + data


def _case(
    name: str, content: bytes | Callable[[], bytes] | None, *says: str, given: tuple[str, ...] = ()
) -> Case:
    def build(project: Path) -> None:
        if content is not None:
            data = content() if callable(content) else content
            (project / "data.npz").write_bytes(data)

    arguments = ("train", "--config", "config.yaml", "data.source=npz", "data.root=data.npz")
    return Case(name, (*arguments, *given), 3, ("data.npz", *says), build)


def _arrays(name: str, arrays: Arrays, *says: str, pickled: bool = False) -> Case:
    return _case(name, lambda: _npz(arrays, pickled=pickled), *says)


def _both(**changes: Any) -> Arrays:
    return {"images": _images(), "labels": _labels()} | changes


def _header(name: str, header: str, *says: str, version: int = 1) -> Case:
    """An archive whose ``images`` have a header of one's own."""
    entries = {
        "images.npy": _npy(header, b"\0" * 100, version),
        "labels.npy": _npz({"x": _labels()})[:0],
    }
    return _case(name, lambda: _zip(entries), *says)


def _damaged_crc() -> bytes:
    content = bytearray(_npz(_both()))
    content[400] ^= 0xFF
    return bytes(content)


def _bomb() -> bytes:
    """A gigabyte of zeros in a megabyte, whose header says so."""
    count = 1 << 30
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}"
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("labels.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(_npy(header))
        for _ in range(count >> 24):
            entry.write(bytes(1 << 24))
    return stream.getvalue()


def _lying_directory() -> bytes:
    """An archive whose directory says a member is smaller than it is."""
    content = bytearray(_npz(_both()))
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 4)
    return bytes(content)


_NO_LABELS = "labels"

CASES = (
    _case("no file", None, "none"),
    _case("empty", b"", "npz"),
    _case("text", b"images: none\n", "npz"),
    _case(
        "a bare array",
        lambda: _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", b"\0"),
        "npz",
    ),
    _case("an empty archive", _zip({}), "images"),
    _case("cut in the middle", lambda: _npz(_both())[:3000], "npz"),
    _case("cut at the end", lambda: _npz(_both())[:-10], "npz"),
    _case("a changed byte", _damaged_crc, "npz"),
    _case("a directory that lies", _lying_directory, "npz"),
    _case("a bomb", _bomb, "images"),
    _case("a member that is no array", _zip({"images.npy": b"x", "labels.npy": b"y"}), "npz"),
    _case("a member of text", _zip({"images": b"hello", "labels": b"y"}), "array"),
    _case("an empty member", _zip({"images.npy": b"", "labels.npy": b""}), "npz"),
    _case("a path out of it", _zip({"../outside/images.npy": b""}), "npz"),
    _case("an absolute path", _zip({"/etc/passwd": b""}), "data.npz"),
    _case(
        "an encrypted member",
        lambda: _npz(_both()).replace(
            b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\x01\0"
        ),
        "npz",
    ),
    _case(
        "an unknown compression",
        lambda: _npz(_both()).replace(
            b"PK\x01\x02\x14\x03\x14\0\0\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x63\0"
        ),
        "npz",
    ),
    _arrays("no labels", {"images": _images()}, "labels"),
    _arrays("no images", {"labels": _labels()}, "images"),
    _arrays("other names", {"x_train": _images(), "y_train": _labels()}, "images", "x_train"),
    _arrays(
        "objects for images", _both(images=np.array([{}], dtype=object)), "objects", pickled=True
    ),
    _arrays(
        "objects for labels",
        _both(labels=np.array(["a", None], dtype=object)),
        "objects",
        pickled=True,
    ),
    _arrays("objects beside them", _both(more=np.array([{}], dtype=object)), pickled=True),
    _arrays("float images", _both(images=_images().astype(np.float32)), "uint8", "float32"),
    _arrays("images of one axis", _both(images=np.zeros(60, np.uint8)), "shape"),
    _arrays("images of five axes", _both(images=np.zeros((60, 2, 2, 2, 2), np.uint8)), "shape"),
    _arrays("two channels", _both(images=np.zeros((60, 8, 8, 2), np.uint8)), "shape"),
    _arrays("no images in images", _both(images=np.zeros((0, 8, 8, 3), np.uint8)), "shape"),
    _arrays("a scalar for images", _both(images=np.uint8(3)), "shape"),
    _arrays("fewer labels", _both(labels=_labels(59)), "labels", "59"),
    _arrays("two labels an image", _both(labels=np.zeros((60, 2), int)), "labels"),
    _arrays("NaN labels", _both(labels=np.full(60, np.nan)), "whole numbers"),
    _arrays("text labels", _both(labels=np.array(["day", "night"] * 30)), "whole numbers"),
    _arrays("a negative label", _both(labels=_labels() - 1), "-1"),
    _arrays("a huge label", _both(labels=np.where(np.arange(60) == 3, 2**62, _labels())), "range"),
    _arrays(
        "an unsigned label too large", _both(labels=np.full(60, 2**64 - 1, np.uint64)), "range"
    ),
    _arrays("one label", _both(labels=np.zeros(60, int)), "two classes"),
    _arrays("classes twice", _both(classes=np.array(["a", "a"])), "distinct"),
    _arrays("classes of numbers", _both(classes=np.array([1, 2])), "classes"),
    _arrays("too few classes", _both(classes=np.array(["a"])), "range"),
    _arrays("no classes", _both(classes=np.array([], dtype="U1")), "range"),
    _arrays("record arrays", _both(images=np.zeros(60, [("a", "u1")])), "uint8"),
    _arrays("dates for labels", _both(labels=np.zeros(60, "M8[s]")), "whole numbers"),
    _header(
        "a shape of terabytes",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000, 1000)}",
        "npz",
    ),
    _header(
        "a shape that overflows",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "npz",
    ),
    _header("a negative shape", "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "npz"),
    _header(
        "an expression for a shape",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (9**9**9,)}",
        "npz",
    ),
    _header("a call in the header", "{'descr': __import__('os').system('id')}", "npz"),
    _header("a header of a megabyte", " " * (1 << 20), "npz", version=2),
    _header("brackets without end", "(" * 9000, "npz"),
    _header("an unknown version", "{}", "npz", version=9),
    _header("an unknown type", "{'descr': '|x7', 'fortran_order': False, 'shape': (1,)}", "npz"),
    _header(
        "ten thousand axes",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1," * 4000 + ")}",
        "npz",
    ),
)
