"""TorchScript, traced."""

from __future__ import annotations

import io

import torch

from seatrial.evidence.records import ModelMetadata
from seatrial.export.archives import rewrite
from seatrial.export.interface import Exported, Source

METADATA_FILE = "seatrial.json"


def export(source: Source, metadata: ModelMetadata) -> Exported:
    """Trace on real images and check the trace against the model.

    A second trace in the same process gives its classes other numbers, hence other bytes; a fresh
    process gives the same bytes again.
    """
    buffer = io.BytesIO()
    with torch.no_grad():
        traced = torch.jit.trace(source.deployed, source.example)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, buffer, {METADATA_FILE: metadata.model_dump_json()})
    return Exported(rewrite(buffer.getvalue(), lambda name: not name.endswith(".debug_pkl")))
