"""What a file of a release would do when it is loaded, found out without loading it.

A torch checkpoint, a TorchScript file and an exported program are looked into by
:mod:`seatrial.archives`; nothing is ever unpickled here.
"""

from __future__ import annotations

from pathlib import Path

from seatrial.archives import torch_file_problem
from seatrial.archives.arrays import arrays_problem
from seatrial.onnx_structure import Malformed, read

PLAIN = frozenset({".json", ".yaml", ".yml", ".txt", ".log", ".md", ".csv", ".jsonl", ".png"})
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".pth", ".ckpt", ".bin", ".npy"})
TORCH = frozenset({".pt", ".pt2"})


def unsafe(path: Path) -> str | None:
    """Why a file has no place in a release; None where it is safe to hand on."""
    if path.is_symlink():
        return "a link, not a file"
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        return f"{suffix} files may run code when loaded"
    if suffix == ".onnx":
        return _mismatch(path, suffix) or _unsafe_graph(path)
    if suffix == ".safetensors":
        return _unsafe_tensors(path)
    if suffix in PLAIN:
        return _mismatch(path, suffix)
    if suffix in TORCH:
        return _unsafe_archive(path)
    if suffix == ".npz":
        return arrays_problem(path)
    return f"a file of an unexpected type, {suffix or 'without a suffix'}"


def _mismatch(path: Path, suffix: str) -> str | None:
    """A pickle or an archive under a harmless name."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return f"a pickle program under the name of {suffix}"
    return f"an archive under the name of {suffix}" if head == b"PK\x03\x04" else None


def _unsafe_graph(path: Path) -> str | None:
    try:
        read(path.read_bytes())
    except Malformed as refusal:
        return str(refusal)
    return None


def _unsafe_tensors(path: Path) -> str | None:
    """A header as JSON behind its length, or it is another file under this name."""
    with path.open("rb") as stream:
        head = stream.read(9)
    fits = int.from_bytes(head[:8], "little") <= path.stat().st_size - 8
    return None if fits and head[8:] == b"{" else "no safetensors, under the name of one"


def _unsafe_archive(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return torch_file_problem(stream, program=path.suffix.lower() == ".pt2")
    except OSError as error:
        return f"cannot be looked into: {type(error).__name__}"
