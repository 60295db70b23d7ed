"""Which nodes suffer most from int8."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seatrial.export.quantization.judging import Judge, logits
from seatrial.export.quantization.quantizing import matrix_nodes, quantize
from seatrial.export.quantization.settings import Setting
from seatrial.onnx_sessions import open_session

MOST_PROBES = 16
"""Blocks of nodes that are measured; a graph with more nodes is cut into this many blocks."""

_IMAGES = 64


def blocks(nodes: Sequence[str], most: int = MOST_PROBES) -> list[tuple[str, ...]]:
    """``nodes`` in order, cut into at most ``most`` blocks of nearly equal length."""
    parts = np.array_split(np.arange(len(nodes)), min(most, len(nodes)) or 1)
    return [tuple(nodes[n] for n in part) for part in parts if len(part)]


def most_sensitive_first(
    prepared: Path, ranges: Path, setting: Setting, judge: Judge, scratch: Path
) -> list[tuple[str, ...]]:
    """Blocks of weighted nodes, the one first whose quantization alone moves the logits most.

    Each block is quantized with everything else in float, and the mean squared difference of the
    logits from fp32 taken on up to 64 validation images.
    """
    pixels, reference = judge.pixels[:_IMAGES], judge.reference[:_IMAGES]
    errors = []
    found = blocks(matrix_nodes(prepared))
    for block in found:
        quantize(prepared, ranges, setting, scratch, only_nodes=block)
        answer = logits(open_session(scratch, judge.threads), pixels, judge.spec, judge.threads)
        error = float(np.mean((answer.astype(np.float64) - reference) ** 2))
        errors.append(error if np.isfinite(error) else np.inf)
    order = np.argsort(-np.asarray(errors), kind="stable")
    return [found[n] for n in order]
