"""Whether an ONNX file is what a deployment needs, read as data: nothing in it is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seatrial.evidence.records import ModelMetadata

BATCH_AXIS = "batch_size"


def onnx_problem(path: Path, metadata: ModelMetadata) -> str | None:
    """Why an ONNX file is not a whole deployment file as ``metadata`` describes it.

    One file, input ``input`` and output ``output`` alone, axis 0 of both ``batch_size``, and the
    same metadata inside as beside it. No session is opened: one that crashes would take the
    judgement with it, and verification has run the file in a process of its own.
    """
    import onnx

    from seatrial.onnx_sessions import INPUT_NAME, METADATA_KEY, OUTPUT_NAME

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's decode errors differ between its backends
        return f"{path.name} is not an ONNX model ({type(error).__name__})"
    if outside := next(_external_tensors(model), None):
        return f"{path.name} keeps weights in other files ({outside[:80]})"
    for name, values in ((INPUT_NAME, model.graph.input), (OUTPUT_NAME, model.graph.output)):
        if [value.name for value in values] != [name]:
            return f"{path.name}: one {name} required, found {[value.name for value in values]}"
        shape = values[0].type.tensor_type.shape.dim
        if not shape or shape[0].dim_param != BATCH_AXIS:
            return f"{path.name}: axis 0 of {name} must be {BATCH_AXIS}, any number of images"
    inside = {entry.key: entry.value for entry in model.metadata_props}.get(METADATA_KEY)
    if inside is None or not _same(inside, metadata):
        return f"{path.name}: what it says inside is not what stands beside it"
    return None


def _same(text: str, metadata: ModelMetadata) -> bool:
    try:
        return ModelMetadata.model_validate_json(text) == metadata
    except ValidationError:
        return False


def _external_tensors(message: Any) -> Iterator[str]:
    """Names of tensors stored in other files, in any field of a message, however deep."""
    if message.DESCRIPTOR.name == "TensorProto":
        if message.external_data or message.data_location == message.EXTERNAL:
            yield message.name
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _external_tensors(part)
