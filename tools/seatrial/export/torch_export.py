"""A ``torch.export`` program, ``.pt2``."""

from __future__ import annotations

import io

import torch

from seatrial.evidence.records import ModelMetadata
from seatrial.export.archives import rewrite
from seatrial.export.capture import capture
from seatrial.export.interface import Exported, Source
from seatrial.export.torchscript import METADATA_FILE


def export(source: Source, metadata: ModelMetadata) -> Exported:
    """The captured program with its weights and the metadata."""
    plain = source.deployed is source.model
    program = source.program if plain else capture(source.deployed, source.example)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={METADATA_FILE: metadata.model_dump_json()})
    return Exported(rewrite(buffer.getvalue(), lambda _name: True))
