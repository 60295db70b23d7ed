"""One setting applied to one graph."""

from __future__ import annotations

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
    """Fold and infer shapes, which the quantizer needs to see every tensor."""
    try:
        quant_pre_process(str(source), str(target))
    except Exception as error:  # symbolic inference raises a bare Exception for unknown operators
        if "symbolic" not in str(error):
            raise
        quant_pre_process(str(source), str(target), skip_symbolic_shape=True)


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
