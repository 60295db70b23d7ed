"""Where the images come from and how they are divided."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.schema.fields import Count, Fraction, Positive, Section


class Fractions(Section):
    """Shares of the splits. Where the source declares splits: of the missing ones, out of train."""

    train: Fraction | None = None
    val: Fraction | None = None
    test: Fraction | None = None


class Card(Section):
    """What a person states about the data; what is left out reads "not stated"."""

    source: str | None = None
    licence: str | None = None
    consent: str | None = Field(default=None, description="of the people shown, or why none")


class Data(Section):
    """The images: where they are, how they are divided, and what the model sees of them."""

    source: Literal["folder", "csv", "npz", "torchvision", "digits"]
    root: str | None = Field(
        default=None, description="folder, CSV file, or npz file; relative to the project"
    )
    dataset: str | None = Field(default=None, description="torchvision data set, such as CIFAR10")
    image_size: Count | tuple[Count, Count] | None = Field(
        default=None, description="height and width the model sees; null: that of the images"
    )
    channels: Literal[1, 3] = Field(
        default=3, description="1 grey, 3 RGB; images of any mode are converted"
    )
    resize: Literal["stretch", "crop", "pad"] = Field(
        default="stretch",
        description="to image_size: ignoring, cutting to, or padding to its shape",
    )
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    mean: tuple[float, ...] | None = Field(
        default=None,
        description="one value a channel, of pixels in [0, 1]; null: of the training split",
    )
    std: tuple[Positive, ...] | None = Field(default=None, description="as mean, and with it")
    fractions: Fractions | None = None
    group_by: str | None = Field(
        default=None,
        description="CSV: a column; folder: a regular expression with one group, on the path",
    )
    path_column: str = Field(default="path", description="CSV")
    label_column: str = Field(default="label", description="CSV")
    split_column: str = Field(default="split", description="CSV; the column may be absent")
    max_unreadable_fraction: Fraction = Field(
        default=0.01, description="with more unreadable images the data set is refused"
    )
    memory_budget_mb: Count = Field(
        default=2048, description="decoded images are kept where they fit, else decoded anew"
    )
    near_duplicate_bits: Annotated[int, Field(ge=0, le=16)] | None = Field(
        default=8,
        description="Hamming distance at which two perceptual hashes propose a pair, which small "
        "thumbnails must confirm; null: exact duplicates only",
    )
    card: Card = Card()
