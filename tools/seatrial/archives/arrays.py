"""NumPy's archives (``.npz``): plain arrays, each as large as it says. Nothing is unpickled."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

MOST_BYTES = 1 << 33
"""Of all arrays, unpacked: the logits of ten million images and 200 classes."""
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def arrays_problem(path: Path) -> str | None:
    """Why the arrays of a file must not be read; None where each is plain and whole."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len({entry.filename for entry in entries}) < len(entries):
                return "two entries of one name"
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                return f"more than {MOST_BYTES} bytes when unpacked"
            for entry in entries:
                if problem := _array_problem(archive, entry):
                    return f"{entry.filename}: {problem}"
    except (
        zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, NotImplementedError,
        RuntimeError,
    ) as error:  # fmt: skip
        return f"not a file of arrays: {error}"
    return None


def _array_problem(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str | None:
    if not entry.filename.endswith(".npy"):
        return "not an array"
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _READERS:
            return f"array format {version}"
        shape, _, kind = _READERS[version](stream)
        if kind.hasobject:
            return "an array of objects, which is a pickle program"
        claimed, held = math.prod(shape) * kind.itemsize, entry.file_size - stream.tell()
    if claimed != held or any(size < 0 for size in shape):
        return f"an array that claims {claimed} bytes and holds {held}"
    return None
