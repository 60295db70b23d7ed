"""ONNX with float16 weights and arithmetic; input and output stay float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnxconverter_common.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from seatrial.evidence.records import ModelMetadata
from seatrial.export.interface import Exported, Source
from seatrial.export.onnx_graph import GraphError, finish, opset_of
from seatrial.isolation import run_child

_IN_FLOAT32 = (*DEFAULT_OP_BLOCK_LIST, "LayerNormalization")
"""onnxruntime has crashed on a float16 LayerNormalization while opening a ViT."""

_LARGEST = float(np.finfo(np.float16).max)
_CHECK_SECONDS = 300


def export(source: Source, metadata: ModelMetadata) -> Exported:
    """The plain graph in float16, tried on real images in a process that may crash.

    :raises ChildFailure: onnxruntime does not open or run it.
    :raises GraphError: a weight is too large, or its output is not finite.
    """
    model = onnx.ModelProto()
    model.CopyFrom(source.plain_onnx)
    _refuse_large_weights(model)
    model = convert_float_to_float16(
        model,
        max_finite_val=_LARGEST,
        keep_io_types=True,
        op_block_list=list(_IN_FLOAT32),
    )
    content = finish(model, metadata)
    folder = source.work / "fp16"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    np.save(folder / "input.npy", source.example.numpy(), allow_pickle=False)
    answer = run_child(
        "seatrial.export.trial_run",
        {"model": "model.onnx", "inputs": "input.npy", "threads": source.threads},
        folder,
        threads=source.threads,
        timeout_s=_CHECK_SECONDS,
    )
    if not answer["finite"]:
        raise GraphError("its output on training images is not finite")
    return Exported(content, opset_of(model))


def _refuse_large_weights(model: onnx.ModelProto) -> None:
    """The converter would cut them off, with a warning that nobody reads."""
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            largest = float(np.abs(onnx.numpy_helper.to_array(tensor)).max(initial=0.0))
            if largest > _LARGEST:
                raise GraphError(
                    f"{tensor.name} holds {largest:.4g}, beyond float16's largest, {_LARGEST:.0f}"
                )
