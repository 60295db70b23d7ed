"""How training images are varied."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_serializer, model_validator

from seatrial.config.schema.fields import Count, Fraction, Natural, NonNegative, Positive, Section


class RandomCrop(Section):
    size: tuple[Count, Count] = Field(description="height and width: those of data.image_size")
    padding: Natural = Field(default=4, description="pixels of black border that it may take in")


class RandomResizedCrop(Section):
    scale: tuple[Positive, Positive] = Field(
        default=(0.6, 1.0), description="range of the part's share of the area"
    )
    ratio: tuple[Positive, Positive] = Field(
        default=(0.75, 1.3333), description="range of its width by height"
    )


class Flip(Section):
    p: Fraction = Field(default=0.5, description="probability")


class ColorJitter(Section):
    brightness: NonNegative = Field(
        default=0.0, description="0.2: a factor from 0.8 to 1.2; so also the next two"
    )
    contrast: NonNegative = 0.0
    saturation: NonNegative = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.0, description="either way, in full turns"
    )


class Rotation(Section):
    degrees: Annotated[float, Field(ge=0, le=180)] = Field(
        default=10.0, description="either way at most"
    )


class RandomErasing(Section):
    p: Fraction = Field(default=0.25, description="probability")
    scale: tuple[Positive, Positive] = Field(
        default=(0.02, 0.2), description="range of its share of the area"
    )


TransformParameters = RandomCrop | RandomResizedCrop | Flip | ColorJitter | Rotation | RandomErasing


class Transform(Section):
    """One augmentation, written ``{horizontal_flip: {p: 0.5}}`` or ``{random_crop: [32, 32]}``.
    Exactly one key is set; :attr:`parameters` gives it."""

    random_crop: RandomCrop | None = None
    random_resized_crop: RandomResizedCrop | None = None
    horizontal_flip: Flip | None = None
    vertical_flip: Flip | None = None
    color_jitter: ColorJitter | None = None
    rotation: Rotation | None = None
    random_erasing: RandomErasing | None = None

    @field_validator("random_crop", mode="before")
    @classmethod
    def _size_alone(cls, value: object) -> object:
        return {"size": value} if isinstance(value, (list, tuple)) else value

    @field_validator(
        "random_resized_crop",
        "horizontal_flip",
        "vertical_flip",
        "color_jitter",
        "rotation",
        "random_erasing",
        mode="before",
    )
    @classmethod
    def _defaults(cls, value: object) -> object:
        return {} if value is None else value

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) != 1:
            raise ValueError(f"expected one transform an entry, found {len(value)}")
        return value

    @model_serializer
    def _as_written(self) -> dict[str, object]:
        return {self.name: self.parameters.model_dump()}

    @property
    def name(self) -> str:
        """The one key that is set."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def parameters(self) -> TransformParameters:
        """The value of the one key that is set."""
        value: TransformParameters = getattr(self, self.name)
        return value


class DataAugmentation(Section):
    """Random variations of training images, applied in this order."""

    enabled: bool = True
    transforms: tuple[Transform, ...] = ()
