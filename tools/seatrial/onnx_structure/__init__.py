"""An ONNX file read as bytes: what it holds, and why onnxruntime should not see it.

Neither ``onnx`` nor onnxruntime is imported: a file from a stranger is judged before any parser
written in C++ meets it, and before a byte of memory is taken for what it claims to hold.
"""

from __future__ import annotations

from seatrial.onnx_structure.reading import Structure, Value, read
from seatrial.onnx_structure.wire import Malformed

__all__ = ["Malformed", "Structure", "Value", "read"]
