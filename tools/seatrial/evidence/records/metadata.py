"""What travels with a model file."""

from __future__ import annotations

from typing import Literal

from seatrial.evidence.records.base import Preprocessing, Record
from seatrial.evidence.records.export import Format


class ModelMetadata(Record):
    """What a model file needs to be used, in its metadata (key ``seatrial``, as JSON) and beside
    it as ``<file>.json``. ``output`` names what the graph gives: logits or probabilities."""

    schema_version: Literal[1] = 1
    name: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    embedded_preprocessing: bool = False
    """True: the graph takes ``(N, C, H, W)`` float32 in [0, 255] and gives probabilities."""
    output: Literal["logits", "probabilities"] = "logits"
    format: Format
    colour_order: Literal["RGB", "grey"]
    checkpoint_sha256: str
