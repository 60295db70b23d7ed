"""From pixels in memory to the tensor that a model takes, on the device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from seatrial.evidence.records import Preprocessing
from seatrial.preprocessing import scale_and_shift


class Normaliser:
    """``(B, H, W, C)`` uint8 → ``(B, C, H, W)`` on ``device``, bit for bit what
    :func:`seatrial.preprocessing.normalise` gives.

    One multiplication and one addition in float32, never fused into one rounding, then of type
    ``dtype``. The pixels travel to the device as bytes, a quarter of the floats' size.
    """

    def __init__(
        self,
        spec: Preprocessing,
        device: torch.device,
        *,
        channels_last: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        scale, shift = scale_and_shift(spec.mean, spec.std)
        self._scale = torch.from_numpy(scale).to(device).view(-1, 1, 1)
        self._shift = torch.from_numpy(shift).to(device).view(-1, 1, 1)
        self._device, self._dtype = device, dtype
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Normalise one batch."""
        source = torch.from_numpy(np.ascontiguousarray(pixels))
        if self._device.type == "cuda":
            source = source.pin_memory()
        moved = source.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        images = moved.to(torch.float32, memory_format=self._format)
        return images.mul_(self._scale).add_(self._shift).to(self._dtype)


def uses_channels_last(model: torch.nn.Module) -> bool:
    """Whether the model's convolution weights lie channels-last in memory."""
    weights = [p for p in model.parameters() if p.dim() == 4 and not p.is_contiguous()]
    return any(p.is_contiguous(memory_format=torch.channels_last) for p in weights)
