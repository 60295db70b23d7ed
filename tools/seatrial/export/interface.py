"""What an exporter is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn
from torch.export import ExportedProgram

from seatrial.evidence.records import ModelMetadata, Preprocessing
from seatrial.export.capture import capture
from seatrial.export.onnx_graph import convert

Emit = Callable[[dict[str, object]], None]
Pixels = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


class Images(Protocol):
    """What export and verification read of a data set."""

    @property
    def classes(self) -> Sequence[str]:
        """Class names in the order of the labels."""
        ...

    @property
    def spec(self) -> Preprocessing:
        """What happens to an image before the model."""
        ...

    def split_indices(self, split: Literal["train", "val", "test"]) -> Indices:
        """Indices of a split's images."""
        ...

    def pixels(self, indices: Indices) -> Pixels:
        """``(B, H, W, C)`` uint8 at the model's size."""
        ...

    def labels(self, indices: Indices) -> npt.NDArray[np.int64]:
        """``(B,)`` class indices."""
        ...

    def ids(self, indices: Indices) -> Sequence[str]:
        """What each image is called: its path in the data set, or a number."""
        ...

    def raw_bytes(self, index: int) -> bytes:
        """An image file's bytes."""
        ...


@dataclass(frozen=True)
class Exported:
    """An exported model as the bytes of one file."""

    content: bytes
    opset: int | None = None


@dataclass(frozen=True)
class Source:
    """The model that all formats come from, and what they share, made once."""

    model: nn.Module
    """On the CPU, float32, contiguous, in evaluation mode; normalised images in, logits out."""
    deployed: nn.Module
    """The same, with normalisation and softmax inside where these are to be embedded."""
    example: torch.Tensor
    """``(2, C, H, W)`` float32: real images as :attr:`deployed` takes them."""
    metadata: ModelMetadata
    """As for float32 ONNX; each format has its own name in its copy."""
    threads: int
    work: Path
    """A folder for files that nobody keeps."""

    @cached_property
    def program(self) -> ExportedProgram:
        """The graph of :attr:`model` for any batch size, without traces of where it was made."""
        return capture(self.model, self.example)

    @cached_property
    def plain_onnx(self) -> onnx.ModelProto:
        """ONNX from normalised images to logits in float32, cleaned; never to be changed."""
        return convert(self.program, self.metadata)


class Exporter(Protocol):
    """One format: a function from the source to the bytes of a file."""

    def __call__(self, source: Source, metadata: ModelMetadata) -> Exported:
        """Export. ``metadata`` is written into the file."""
        ...
