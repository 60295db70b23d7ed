"""ONNX in float32."""

from __future__ import annotations

from seatrial.evidence.records import ModelMetadata
from seatrial.export.interface import Exported, Source
from seatrial.export.onnx_graph import finish, opset_of


def export(source: Source, metadata: ModelMetadata) -> Exported:
    """The plain graph, stamped."""
    return Exported(finish(source.plain_onnx, metadata), opset_of(source.plain_onnx))
