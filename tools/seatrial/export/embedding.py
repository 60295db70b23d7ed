"""Normalisation and softmax inside a torch model."""

from __future__ import annotations

import torch
from torch import nn

from seatrial.evidence.records import Preprocessing
from seatrial.preprocessing import scale_and_shift


class WithPreprocessing(nn.Module):
    """``(N, C, H, W)`` float32 pixels in [0, 255] → probabilities ``(N, K)``."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, model: nn.Module, spec: Preprocessing) -> None:
        super().__init__()
        self.model = model
        scale, shift = scale_and_shift(spec.mean, spec.std)
        self.register_buffer("scale", torch.from_numpy(scale).reshape(1, -1, 1, 1))
        self.register_buffer("shift", torch.from_numpy(shift).reshape(1, -1, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels in, probabilities out."""
        return torch.softmax(self.model(pixels * self.scale + self.shift), dim=1)
