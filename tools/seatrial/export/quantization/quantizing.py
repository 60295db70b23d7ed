"""One setting applied to one graph."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization import (
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from seatrial.export.quantization.settings import MATRIX_OPERATORS, Setting

_ACTIVATION = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}


def prepare(source: Path, target: Path) -> None:
    """Fold constants and infer shapes: the quantizer leaves a tensor without a shape in float.

    Symbolic inference takes a second to import and fails on operators it does not know, so it is
    used only where plain inference leaves a shape open.
    """
    quant_pre_process(str(source), str(target), skip_symbolic_shape=True)
    if shapes_missing(onnx.load(str(target))):
        # A bare Exception says that a shape stayed open; what plain inference found then stands.
        with contextlib.suppress(Exception):
            quant_pre_process(str(source), str(target))


def shapes_missing(model: onnx.ModelProto) -> list[str]:
    """Names of tensors between the graph's nodes whose shape the file does not tell."""
    graph = model.graph
    known = {value.name for value in (*graph.input, *graph.value_info, *graph.output)}
    made = [name for node in graph.node for name in node.output if name]
    return [name for name in made if name not in known]


def quantize(
    prepared: Path,
    ranges: Path,
    setting: Setting,
    target: Path,
    *,
    only_nodes: Sequence[str] | None = None,
) -> None:
    """Write ``prepared`` as a QDQ graph to ``target``.

    :param ranges: the calibration file of the setting's kind.
    :param only_nodes: quantize these alone.
    """
    quantize_static(
        str(prepared),
        str(target),
        None,
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=None if setting.operators == "all" else list(MATRIX_OPERATORS),
        per_channel=setting.per_channel,
        activation_type=_ACTIVATION[setting.activation],
        weight_type=QuantType.QInt8,
        nodes_to_quantize=None if only_nodes is None else list(only_nodes),
        nodes_to_exclude=list(setting.nodes_in_float),
        calibrate_method=CalibrationMethod.MinMax,
        calibration_cache_path=str(ranges),
    )


def matrix_nodes(prepared: Path) -> list[str]:
    """Names of the nodes that hold the weights, in the order of the graph."""
    graph = onnx.load(str(prepared), load_external_data=False).graph
    return [node.name for node in graph.node if node.op_type in MATRIX_OPERATORS]
