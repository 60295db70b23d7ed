"""Latency of two sessions, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import numpy as np
import numpy.typing as npt
import onnxruntime

from seatrial.onnx_sessions import INPUT_NAME, OUTPUT_NAME

_WARM_UP = 3
_FEWEST, _MOST = 15, 200
_ENOUGH_SECONDS = 0.15


def median_latencies_ms(
    sessions: Sequence[onnxruntime.InferenceSession], image: npt.NDArray[np.float32]
) -> list[float]:
    """Median milliseconds of one call of each session on ``image`` ``(1, C, H, W)``.

    Every round calls each session once, so that a slower moment of the machine meets them all.
    15 to 200 rounds, until 0.15 s have been spent on them.
    """
    calls: list[list[float]] = [[] for _ in sessions]
    for _ in range(_WARM_UP):
        for session in sessions:
            session.run([OUTPUT_NAME], {INPUT_NAME: image})
    began = time.perf_counter()
    for round_number in range(_MOST):
        if round_number >= _FEWEST and time.perf_counter() - began > _ENOUGH_SECONDS:
            break
        for session, taken in zip(sessions, calls, strict=True):
            start = time.perf_counter()
            session.run([OUTPUT_NAME], {INPUT_NAME: image})
            taken.append((time.perf_counter() - start) * 1e3)
    return [median(taken) for taken in calls]
