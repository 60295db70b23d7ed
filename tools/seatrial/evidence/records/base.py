"""What all records are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_PIXELS_A_SIDE = 8192
"""Of a model's input: a file from a stranger may not make serving take memory without end."""


class Record(BaseModel):
    """Base of all records: frozen, unknown keys refused, no NaN or infinity in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(Record):
    """A measured value. ``interval`` is the 95 % interval. An undefined value is None, with why;
    a defined one has a reason where it leaves something out or has no interval."""

    value: float | None
    interval: tuple[float, float] | None = None
    reason: str | None = None


class Preprocessing(Record):
    """What happens to an image between the file and the model's input, in this order.

    Decode, apply EXIF orientation, convert to ``channels`` (1 grey, 3 RGB), resize to
    ``height`` × ``width`` by ``resize`` with ``interpolation`` (Pillow's filters, antialiased),
    divide by 255, subtract ``mean``, divide by ``std`` (one value a channel), order as NCHW.
    """

    height: Annotated[int, Field(ge=1, le=MOST_PIXELS_A_SIDE)]
    width: Annotated[int, Field(ge=1, le=MOST_PIXELS_A_SIDE)]
    channels: Literal[1, 3]
    resize: Literal["stretch", "crop", "pad"]
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"]
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
