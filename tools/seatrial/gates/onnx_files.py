"""Whether an ONNX file is what a deployment needs, read as data: nothing in it is run."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from seatrial.evidence.records import ModelMetadata
from seatrial.onnx_structure import Malformed, read

BATCH_AXIS = "batch_size"
_METADATA_KEY, _INPUT_NAME, _OUTPUT_NAME = "seatrial", "input", "output"
"""As :mod:`seatrial.onnx_sessions` has them, which needs onnxruntime; a test keeps them equal."""


def onnx_problem(path: Path, metadata: ModelMetadata) -> str | None:
    """Why an ONNX file is not a whole deployment file as ``metadata`` describes it.

    One file, input ``input`` and output ``output`` alone, axis 0 of both ``batch_size``, and the
    same metadata inside as beside it. No session is opened: one that crashes would take the
    judgement with it, and verification has run the file in a process of its own.
    """
    try:
        model = read(path.read_bytes())
    except Malformed as refusal:
        return f"{path.name} is not an ONNX model that Seatrial exports: {refusal}"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror or error})"
    for name, values in ((_INPUT_NAME, model.inputs), (_OUTPUT_NAME, model.outputs)):
        if [value.name for value in values] != [name]:
            return f"{path.name}: one {name} required, found {[value.name for value in values]}"
        if values[0].shape[:1] != (BATCH_AXIS,):
            return f"{path.name}: axis 0 of {name} must be {BATCH_AXIS}, any number of images"
    inside = model.metadata.get(_METADATA_KEY)
    if inside is None or not _same(inside, metadata):
        return f"{path.name}: what it says inside is not what stands beside it"
    return None


def _same(text: str, metadata: ModelMetadata) -> bool:
    try:
        return ModelMetadata.model_validate_json(text) == metadata
    except ValidationError:
        return False
