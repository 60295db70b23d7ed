"""The table of deployment formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from seatrial.evidence.records import Format
from seatrial.export import onnx_fp16, onnx_fp32, torch_export, torchscript
from seatrial.export.interface import Exporter


@dataclass(frozen=True)
class FormatSpec:
    """A format: the file's name, what it is, and the function that makes it."""

    filename: str
    description: str
    export: Exporter | None
    """None: made by the search for an int8 setting."""


FORMATS: Mapping[Format, FormatSpec] = MappingProxyType(
    {
        "onnx": FormatSpec("production_model.onnx", "ONNX, float32", onnx_fp32.export),
        "onnx_fp16": FormatSpec(
            "production_model_fp16.onnx",
            "ONNX, float16 inside, float32 input and output",
            onnx_fp16.export,
        ),
        "torchscript": FormatSpec(
            "production_model.pt", "TorchScript, traced, float32", torchscript.export
        ),
        "torch_export": FormatSpec(
            "production_model.pt2", "torch.export program, float32", torch_export.export
        ),
        "onnx_int8": FormatSpec("production_model_quantized.onnx", "ONNX, static int8 (QDQ)", None),
    }
)
