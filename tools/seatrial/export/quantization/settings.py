"""Every int8 setting that the search knows, the likeliest first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

Activation = Literal["uint8", "int8"]
Calibration = Literal["minmax", "percentile"]
Operators = Literal["all", "matrix"]

MATRIX_OPERATORS = ("Conv", "Gemm", "MatMul")
"""The operators that hold the weights; 'matrix' quantizes these alone."""

ACTIVATIONS: tuple[Activation, ...] = ("uint8", "int8")
CALIBRATIONS: tuple[Calibration, ...] = ("minmax", "percentile")
OPERATORS: tuple[Operators, ...] = ("all", "matrix")


@dataclass(frozen=True)
class Setting:
    """One way to quantize. Weights are int8, symmetric; activations as named, asymmetric."""

    activation: Activation
    per_channel: bool
    calibration: Calibration
    operators: Operators
    nodes_in_float: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            f"{self.activation} activations",
            "per channel" if self.per_channel else "per tensor",
            "min-max" if self.calibration == "minmax" else "percentile",
            "all operators" if self.operators == "all" else "Conv, Gemm and MatMul only",
        ]
        if self.nodes_in_float:
            parts.append(f"{len(self.nodes_in_float)} nodes in float")
        return ", ".join(parts)


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(activation, per_channel, calibration, operators)
    for calibration, activation, per_channel, operators in product(
        CALIBRATIONS, ACTIVATIONS, (True, False), OPERATORS
    )
)
