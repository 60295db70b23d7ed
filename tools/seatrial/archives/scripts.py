"""TorchScript's source: what it may not call.

It is a small language without files or processes, but for a few operators that take a path, and
operators that other libraries register.
"""

from __future__ import annotations

import re

_FILE_CALL = re.compile(rb"\b(save|from_file|load|load_tensor|read_file|write_file)\s*\(")
_NAMESPACE = re.compile(rb"(?<![\w.])ops\s*\.\s*(\w+)")
_NAMESPACES = frozenset({b"prim", b"aten", b"quantized", b"torchvision"})
_CLASSES = re.compile(rb"__torch__\s*\.\s*torch\s*\.\s*classes\b")
_STATE = re.compile(rb"\b__(?:setstate|getstate)__\b")


def script_problem(source: bytes) -> str | None:
    """Why a file of TorchScript's source may not be loaded; None where it only computes."""
    if found := _FILE_CALL.search(source):
        return f"TorchScript that calls {found[1].decode()}, which opens a file"
    for found in _NAMESPACE.finditer(source):
        if found[1] not in _NAMESPACES:
            return f"TorchScript with operators of {found[1][:60].decode(errors='replace')}"
    if _CLASSES.search(source):
        return "TorchScript with classes of foreign code"
    if _STATE.search(source):
        return "TorchScript that runs while it is loaded"
    return None
