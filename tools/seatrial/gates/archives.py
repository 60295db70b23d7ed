"""What a file would do when it is loaded, found out without loading it.

A torch checkpoint, a TorchScript file and an exported program are zip archives with pickle
programs inside. A pickle program runs what it names, so the names are read off its opcodes and
held against the few that tensors and plain data need; nothing is ever unpickled here.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

PLAIN = frozenset({".json", ".yaml", ".yml", ".txt", ".log", ".md", ".csv", ".jsonl", ".png"})
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".pth", ".ckpt", ".bin", ".npy"})
TENSORS = frozenset({".onnx", ".safetensors"})
TORCH = frozenset({".pt", ".pt2"})

MOST_PROGRAM_BYTES = 64 << 20
"""No honest pickle program of a checkpoint comes near: tensors lie outside it."""
_DEPTH = 3

_ALLOWED = frozenset(
    {
        "collections.OrderedDict",
        "collections.Counter",
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_sparse_tensor",
        "torch._utils._rebuild_qtensor",
        "_codecs.encode",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.set",
    }
)
"""What torch.load(weights_only=True) takes, as far as our checkpoints need it."""
_TYPES = re.compile(
    r"^torch\.(?:[A-Z][A-Za-z0-9]*Storage|(?:b?float|u?int|complex|quint|qint|bits)\d\w*|bool)$"
)
_SCRIPTED = re.compile(r"^(?:__torch__\.|torch\.jit\._pickle\.)")
"""Types that TorchScript defines in its own archive, and its tagging functions."""
_REFUSED_OPCODES = frozenset(
    {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}
)
"""Ways to name a callable that torch does not write: the name would have to be computed."""


def unsafe(path: Path) -> str | None:
    """Why a file has no place in a release; None where it is safe to hand on."""
    if path.is_symlink():
        return "a link, not a file"
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        return f"{suffix} files may run code when loaded"
    if suffix in PLAIN or suffix in TENSORS:
        return _mismatch(path, suffix)
    if suffix in TORCH:
        return _unsafe_archive(path)
    if suffix == ".npz":
        return _unsafe_arrays(path)
    return f"a file of an unexpected type, {suffix or 'without a suffix'}"


def _mismatch(path: Path, suffix: str) -> str | None:
    """A pickle or an archive under a harmless name."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if head[:1] == b"\x80" and head[1:2] <= b"\x05" and suffix != ".safetensors":
        return f"a pickle program under the name of {suffix}"
    return f"an archive under the name of {suffix}" if head == b"PK\x03\x04" else None


def _unsafe_archive(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return _archive_problem(stream, _DEPTH)
    except zipfile.BadZipFile:
        return "not a zip archive, so a bare pickle program or damaged"
    except (OSError, EOFError, RuntimeError, NotImplementedError) as error:
        return f"cannot be looked into: {type(error).__name__}"


def _archive_problem(stream: IO[bytes], depth: int) -> str | None:
    with zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
        scripted = any("/code/" in name for name in names)
        if not any(name.endswith((".pkl", ".json")) for name in names):
            return "an archive that holds no model"
        for entry in archive.infolist():
            problem = _entry_problem(archive, entry, scripted, depth)
            if problem:
                return f"{entry.filename}: {problem}"
    return None


def _entry_problem(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, scripted: bool, depth: int
) -> str | None:
    if "custom_obj" in entry.filename:
        return "an object of foreign code"
    if entry.filename.endswith((".pkl", ".debug_pkl")):
        if entry.file_size > MOST_PROGRAM_BYTES:
            return f"a pickle program of {entry.file_size} bytes"
        return _program_problem(archive.read(entry), scripted)
    with archive.open(entry) as stream:
        if stream.read(4) != b"PK\x03\x04":
            return None
    if depth == 0 or entry.file_size > MOST_PROGRAM_BYTES:
        return "an archive too deep or too large to look into"
    try:
        return _archive_problem(io.BytesIO(archive.read(entry)), depth - 1)
    except zipfile.BadZipFile:
        return None


def _program_problem(program: bytes, scripted: bool) -> str | None:
    try:
        for opcode, argument, _ in pickletools.genops(program):
            if opcode.name in _REFUSED_OPCODES:
                return f"a pickle program with {opcode.name}"
            if opcode.name == "GLOBAL":
                name = str(argument).replace(" ", ".")
                if not _is_allowed(name, scripted):
                    return f"a pickle program that names {name}"
    except ValueError as error:
        return f"not a pickle program: {error}"
    return None


def _is_allowed(name: str, scripted: bool) -> bool:
    if name in _ALLOWED or _TYPES.match(name):
        return True
    return scripted and bool(_SCRIPTED.match(name))


def _unsafe_arrays(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as stream:
                    if not name.endswith(".npy"):
                        return f"{name}: not an array"
                    if _holds_objects(stream):
                        return f"{name}: an array of objects, which is a pickle program"
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        return f"not a file of arrays: {error}"
    return None


def _holds_objects(stream: IO[bytes]) -> bool:
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"array format {version}")
    return bool(read(stream)[2].hasobject)
