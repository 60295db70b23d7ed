"""What a torch file would do when it is loaded, found out without loading it.

A checkpoint, a TorchScript file and an exported program are zip archives. Inside are pickle
programs, TorchScript's source, and graphs as JSON; each of them can run what a stranger wrote, so
each is read here as text and held against what the exports of Seatrial hold. Nothing is unpickled.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import IO

from seatrial.archives.containers import MOST_PROGRAM_BYTES, container_problem, member_of, read
from seatrial.archives.pickles import old_form_problem, pickle_problem
from seatrial.archives.programs import config_problem, graph_problem
from seatrial.archives.scripts import script_problem

__all__ = ["MOST_PROGRAM_BYTES", "old_form_problem", "pickle_problem", "torch_file_problem"]

_DEPTH = 3


def torch_file_problem(stream: IO[bytes], *, program: bool = False) -> str | None:
    """Why a checkpoint or TorchScript file, or with ``program`` a ``.pt2`` file, must not be
    loaded; None where it may.

    Which of the first two it is, its members say: whichever loader takes it, both are held to
    what is allowed to either.
    """
    try:
        return _problem(stream, _DEPTH, program=program)
    except zipfile.BadZipFile:
        return "not a zip archive, so a bare pickle program or damaged"
    except (OSError, EOFError, RuntimeError, NotImplementedError, ValueError, zlib.error) as error:
        return f"cannot be looked into: {type(error).__name__}"


def _problem(stream: IO[bytes], depth: int, *, program: bool = False) -> str | None:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    with zipfile.ZipFile(stream) as archive:
        problem = container_problem(archive, size)
        if problem:
            return problem
        names = [member_of(entry) for entry in archive.infolist()]
        if program and "models/model.json" not in names:
            return "an archive that holds no model"
        if not any(name.endswith((".pkl", ".json")) for name in names):
            return "an archive that holds no model"
        scripted = any(name.startswith("code/") for name in names)
        for entry in archive.infolist():
            problem = _entry_problem(archive, entry, depth, scripted=scripted, program=program)
            if problem:
                return f"{entry.filename}: {problem}"
    return None


def _entry_problem(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, depth: int, *, scripted: bool, program: bool
) -> str | None:
    name = member_of(entry)
    if "_obj_" in name or name.startswith("data/aotinductor/"):
        return "an object of foreign code"
    if name.endswith((".so", ".cpp", ".cubin", ".bin")):
        return "compiled code"
    if name.endswith((".pkl", ".debug_pkl")):
        return pickle_problem(read(archive, entry), scripted=scripted)
    if name.startswith("code/"):
        return script_problem(read(archive, entry))
    if name.startswith("models/"):
        return graph_problem(read(archive, entry))
    if name.endswith("_config.json"):
        return config_problem(read(archive, entry))
    if program and name.startswith("data/sample_inputs/"):
        return _nested(archive, entry, depth)
    with archive.open(entry) as stream:
        head = stream.read(4)
    return _nested(archive, entry, depth) if head == b"PK\x03\x04" else None


def _nested(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, depth: int) -> str | None:
    if depth == 0 or entry.file_size > MOST_PROGRAM_BYTES:
        return "an archive too deep or too large to look into"
    try:
        return _problem(io.BytesIO(archive.read(entry)), depth - 1)
    except zipfile.BadZipFile:
        if member_of(entry).startswith("data/sample_inputs/"):
            return "a bare pickle program"  # torch.export would unpickle it
        return None
