"""ONNX graphs: converting, cleaning, stamping, embedding preprocessing, checking."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch.export import Dim, ExportedProgram

import seatrial
from seatrial.evidence.records import ModelMetadata
from seatrial.export.capture import BATCH_AXIS
from seatrial.onnx_sessions import INPUT_NAME, METADATA_KEY, OUTPUT_NAME
from seatrial.preprocessing import scale_and_shift

OPSET = 20
"""The first with Gelu as one operator. Opsets 20 to 25 ran equally fast in onnxruntime 1.31; from
23 on attention becomes one operator, which the quantizer's shape inference does not know."""

_PRODUCER = "seatrial"
_TRACES = ("doc_string", "metadata_props")


class GraphError(Exception):
    """An exported graph is not what the contract says."""


def convert(program: ExportedProgram, metadata: ModelMetadata) -> onnx.ModelProto:
    """A program as a clean ONNX graph: ``input`` (batch_size, C, H, W) → ``output`` (…, K)."""
    converted = torch.onnx.export(
        program,
        (),
        None,
        dynamo=True,
        opset_version=OPSET,
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
        dynamic_shapes=({0: Dim(BATCH_AXIS)},),
        external_data=False,
        verbose=False,
    )
    if converted is None:
        raise GraphError("the exporter returned no model")
    model: onnx.ModelProto = converted.model_proto
    strip(model)
    check_shapes(model, metadata)
    return model


def strip(message: Any) -> None:
    """Drop every documentation string and metadata entry below ``message``.

    The exporter writes stack traces and paths of this machine there, by the thousand.
    """
    for key in _TRACES:
        if key in message.DESCRIPTOR.fields_by_name:
            message.ClearField(key)
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                strip(part)


def check_shapes(model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """Raise :class:`GraphError` unless inputs and outputs are as the contract says."""
    spec = metadata.preprocessing
    image = [BATCH_AXIS, spec.channels, spec.height, spec.width]
    wanted = [(INPUT_NAME, image)], [(OUTPUT_NAME, [BATCH_AXIS, len(metadata.classes)])]
    found = _shapes(model.graph.input), _shapes(model.graph.output)
    if found != wanted:
        raise GraphError(f"the exported graph maps {found[0]} to {found[1]}, required {wanted}")


def finish(model: onnx.ModelProto, metadata: ModelMetadata) -> bytes:
    """The bytes of a deployable file: preprocessing embedded if the metadata says so, cleaned,
    stamped with the metadata, and passed through ONNX's full check. ``model`` is not changed.
    """
    final = onnx.ModelProto()
    final.CopyFrom(model)
    if metadata.embedded_preprocessing:
        embed(final, metadata)
    strip(final)
    _drop_unused_domains(final)
    final.producer_name, final.producer_version = _PRODUCER, seatrial.__version__
    final.domain, final.model_version = "", 0
    helper.set_model_props(final, {METADATA_KEY: metadata.model_dump_json()})
    check_shapes(final, metadata)
    onnx.checker.check_model(final, full_check=True)
    content: bytes = final.SerializeToString(deterministic=True)
    return content


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    """The quantizer imports every operator set it knows; a runtime may refuse one it does not."""
    used = {""} | {node.domain for owner in (model.graph, *model.functions) for node in owner.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the standard operator set that the graph is written in."""
    return next(int(entry.version) for entry in model.opset_import if entry.domain == "")


def embed(model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """Put normalisation before the graph and softmax behind it, in float32, in place.

    Afterwards ``input`` takes pixels as float32 in [0, 255], NCHW, and ``output`` gives
    probabilities; whatever precision the graph between them has, these two are float32.
    """
    scale, shift = scale_and_shift(metadata.preprocessing.mean, metadata.preprocessing.std)
    inside, outside = "seatrial_normalised", "seatrial_logits"
    for node in model.graph.node:
        node.input[:] = [inside if name == INPUT_NAME else name for name in node.input]
        node.output[:] = [outside if name == OUTPUT_NAME else name for name in node.output]
        node.input[:] = [outside if name == OUTPUT_NAME else name for name in node.input]
    for name, values in (("seatrial_scale", scale), ("seatrial_shift", shift)):
        model.graph.initializer.append(
            numpy_helper.from_array(values.reshape(1, -1, 1, 1).astype(np.float32), name)
        )
    before = [
        _node("Mul", [INPUT_NAME, "seatrial_scale"], "seatrial_scaled"),
        _node("Add", ["seatrial_scaled", "seatrial_shift"], inside),
    ]
    body = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*before, *body, _node("Softmax", [outside], OUTPUT_NAME, axis=1)])


def _node(operator: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], name=f"{output}_{operator}", **attributes)


def _shapes(values: Any) -> list[tuple[str, list[str | int]]]:
    return [
        (value.name, [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim])
        for value in values
    ]
