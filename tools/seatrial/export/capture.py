"""A model as a ``torch.export`` program: the graph that ONNX and ``.pt2`` are made from."""

from __future__ import annotations

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

BATCH_AXIS = "batch_size"

_TRACES = ("stack_trace", "source_fn_stack", "from_node", "torch_fn")


def capture(model: nn.Module, example: torch.Tensor) -> ExportedProgram:
    """The program of ``model`` for ``(batch_size, C, H, W)`` float32, any batch size.

    Captured with zeros in the shape of ``example``, since a program keeps its sample inputs and
    no training image belongs in a release. Stack traces, which name files of this machine, are
    dropped from every node.
    """
    zeros = torch.zeros_like(example)
    with torch.no_grad():
        program = torch.export.export(model, (zeros,), dynamic_shapes=({0: Dim(BATCH_AXIS)},))
    for module in program.graph_module.modules():
        graph = getattr(module, "graph", None)
        for node in graph.nodes if graph is not None else ():
            for key in _TRACES:
                node.meta.pop(key, None)
    return program
