"""Random variations of training images: each a pure function of (seed, epoch, index).

So an image comes out the same in any batch, in any order, from any worker, and after resuming.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from seatrial.data.randomness import uniforms
from seatrial.errors import ConfigurationError
from seatrial.preprocessing import Pixels

Draws = npt.NDArray[np.float64]
"""``(B, D)``, uniform in [0, 1)."""

_ERASED_RATIO = (0.3, 3.3)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Transform(Protocol):
    """What an entry of ``data_augmentation.transforms`` offers."""

    @property
    def name(self) -> str:
        """A key of :data:`OPERATIONS`."""
        ...

    @property
    def parameters(self) -> Any:
        """An object with the operation's parameters as attributes."""
        ...


@dataclass(frozen=True)
class Operation:
    """One kind of variation. ``apply`` leaves its input as it is."""

    description: str
    draws: int
    apply: Callable[[Pixels, Draws, Any], Pixels]


class Augmenter:
    """Applies transforms in order.

    >>> import numpy as np
    >>> from seatrial.config.schema import Transform
    >>> flip = Augmenter([Transform.model_validate({"horizontal_flip": {"p": 1.0}})], seed=0)
    >>> flip(np.array([[[[1], [2]]]], dtype=np.uint8), 0, np.array([5])).ravel().tolist()
    [2, 1]
    """

    def __init__(self, transforms: Sequence[Transform], seed: int) -> None:
        """:raises ConfigurationError: an unknown transform."""
        self._steps = [(_operation(one.name), one.parameters) for one in transforms]
        self._draws = sum(operation.draws for operation, _ in self._steps)
        self._seed = seed

    def check(self, height: int, width: int) -> None:
        """:raises ConfigurationError: a crop that does not give the model's input size."""
        for operation, parameters in self._steps:
            if operation is OPERATIONS["random_crop"]:
                _check_crop(parameters, height, width)

    def __call__(self, pixels: Any, epoch: int, indices: Any) -> Pixels:
        """``(B, H, W, C)`` uint8, an array or a torch tensor on the CPU, to the same as an array.

        ``indices`` ``(B,)`` are the images' positions in the data set.

        :raises ConfigurationError: as :meth:`check`.
        """
        result = np.asarray(pixels)
        if result.dtype != np.uint8 or result.ndim != 4:
            raise ValueError(f"required (B, H, W, C) uint8, found {result.shape} {result.dtype}")
        if not self._steps or not len(result):
            return result
        draws = uniforms(self._seed, epoch, np.asarray(indices, dtype=np.int64), self._draws)
        first = 0
        for operation, parameters in self._steps:
            last = first + operation.draws
            result = operation.apply(result, draws[:, first:last], parameters)
            first = last
        return result


# ---------------------------------------------------------------- moving pixels


def _check_crop(parameters: Any, height: int, width: int) -> None:
    if tuple(parameters.size) != (height, width):
        raise ConfigurationError(
            f"data_augmentation.transforms.random_crop: required the model's input size "
            f"[{height}, {width}], found {list(parameters.size)}; set data.image_size to it, or "
            "use random_resized_crop"
        )


def _random_crop(pixels: Pixels, draws: Draws, parameters: Any) -> Pixels:
    """A window of the image's own size in the image with a black border of ``padding``."""
    batch, height, width, channels = pixels.shape
    _check_crop(parameters, height, width)
    pad = parameters.padding
    if not pad:
        return pixels
    bordered = np.zeros((batch, height + 2 * pad, width + 2 * pad, channels), dtype=np.uint8)
    bordered[:, pad : pad + height, pad : pad + width] = pixels
    corners = (draws * (2 * pad + 1)).astype(np.intp)
    # Every window as rows of bytes: one copy of W * C bytes a row, and no index a pixel.
    image, row, _, _ = bordered.strides
    windows = np.lib.stride_tricks.as_strided(
        bordered,
        shape=(batch, 2 * pad + 1, 2 * pad + 1, height, width * channels),
        strides=(image, row, channels, row, 1),
        writeable=False,
    )
    cropped: Pixels = windows[np.arange(batch), corners[:, 0], corners[:, 1]]
    return cropped.reshape(pixels.shape)


def _horizontal_flip(pixels: Pixels, draws: Draws, parameters: Any) -> Pixels:
    return _flipped(pixels, draws, parameters, 2)


def _vertical_flip(pixels: Pixels, draws: Draws, parameters: Any) -> Pixels:
    return _flipped(pixels, draws, parameters, 1)


def _flipped(pixels: Pixels, draws: Draws, parameters: Any, axis: int) -> Pixels:
    chosen = np.flatnonzero(draws[:, 0] < parameters.p)
    if not len(chosen):
        return pixels
    result = pixels.copy()
    result[chosen] = np.flip(pixels[chosen], axis)
    return result


def _random_resized_crop(pixels: Pixels, draws: Draws, parameters: Any) -> Pixels:
    """A window of a random area and shape, enlarged to the image's size (bilinear)."""
    _, height, width, _ = pixels.shape
    area = _between(draws[:, 0], parameters.scale) * height * width
    ratio = np.exp(_between(draws[:, 1], tuple(np.log(parameters.ratio)))) * (width / height)
    wide = np.clip(np.sqrt(area * ratio), 1, width)
    high = np.clip(np.sqrt(area / ratio), 1, height)
    left, top = draws[:, 2] * (width - wide), draws[:, 3] * (height - high)
    boxes = np.stack([left, top, left + wide, top + high], axis=1)
    return _each(
        pixels,
        lambda image, row: image.resize(
            (width, height), Image.Resampling.BILINEAR, box=tuple(boxes[row])
        ),
    )


def _rotation(pixels: Pixels, draws: Draws, parameters: Any) -> Pixels:
    """Turned about the centre by up to ``degrees`` either way; the corners become black."""
    angles = (2 * draws[:, 0] - 1) * parameters.degrees
    return _each(pixels, lambda image, row: image.rotate(angles[row], Image.Resampling.BILINEAR))


def _each(pixels: Pixels, change: Callable[[Image.Image, int], Image.Image]) -> Pixels:
    """Pillow resamples one image at a time faster than NumPy does a batch."""
    result = np.empty_like(pixels, order="C")
    for row, one in enumerate(pixels):
        image = Image.fromarray(one[..., 0] if one.shape[2] == 1 else one)
        result[row] = np.asarray(change(image, row)).reshape(one.shape)
    return result


# ---------------------------------------------------------------- changing colours


def _color_jitter(pixels: Pixels, draws: Draws, parameters: Any) -> Pixels:
    """Brightness, contrast, saturation and hue, as one linear map of colours an image.

    Factors are uniform in [max(0, 1 - strength), 1 + strength]; hue turns the colour plane of YIQ
    by up to ``hue`` of a full turn either way. Grey images keep saturation and hue.
    """
    bright, contrast, saturation = (
        _between(draws[:, column], (max(0.0, 1 - strength), 1 + strength)).astype(np.float32)
        for column, strength in enumerate(
            (parameters.brightness, parameters.contrast, parameters.saturation)
        )
    )
    angle = ((2 * draws[:, 3] - 1) * parameters.hue * 2 * np.pi).astype(np.float32)
    channels = pixels.shape[3]
    luma = _LUMA if channels == 3 else np.ones(1, dtype=np.float32)
    mean_grey = pixels.mean(axis=(1, 2), dtype=np.float32) @ luma
    gain = bright * contrast
    offset = (1 - contrast) * bright * mean_grey + 0.5
    if channels == 1 or not (parameters.saturation or parameters.hue):
        values = pixels * gain[:, None, None, None] + offset[:, None, None, None]
    else:
        maps = gain[:, None, None] * _colour_maps(saturation, angle)
        flat = pixels.reshape(len(pixels), -1, channels).astype(np.float32)
        values = (flat @ maps.transpose(0, 2, 1) + offset[:, None, None]).reshape(pixels.shape)
    result: Pixels = np.clip(values, 0, 255, out=values).astype(np.uint8)
    return result


_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def _colour_maps(
    saturation: npt.NDArray[np.float32], angle: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """``(B, 3, 3)`` maps of RGB: chroma scaled by ``saturation`` and turned by ``angle``."""
    turn = np.zeros((len(angle), 3, 3))
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * np.cos(angle)
    turn[:, 2, 1] = saturation * np.sin(angle)
    turn[:, 1, 2] = -turn[:, 2, 1]
    maps: npt.NDArray[np.float32] = (np.linalg.inv(_TO_YIQ) @ turn @ _TO_YIQ).astype(np.float32)
    return maps


def _random_erasing(pixels: Pixels, draws: Draws, parameters: Any) -> Pixels:
    """With probability ``p``, a rectangle is filled with the image's mean colour."""
    _, height, width, _ = pixels.shape
    area = _between(draws[:, 1], parameters.scale) * height * width
    ratio = np.exp(_between(draws[:, 2], tuple(np.log(_ERASED_RATIO))))
    high = np.clip(np.rint(np.sqrt(area * ratio)), 1, height).astype(np.int64)
    wide = np.clip(np.rint(np.sqrt(area / ratio)), 1, width).astype(np.int64)
    top = (draws[:, 3] * (height - high + 1)).astype(np.int64)
    left = (draws[:, 4] * (width - wide + 1)).astype(np.int64)
    result = pixels.copy()
    for row in np.flatnonzero(draws[:, 0] < parameters.p):
        mean = np.rint(pixels[row].mean(axis=(0, 1))).astype(np.uint8)
        result[row, top[row] : top[row] + high[row], left[row] : left[row] + wide[row]] = mean
    return result


def _between(draws: npt.NDArray[np.float64], bounds: Sequence[float]) -> npt.NDArray[np.float64]:
    return bounds[0] + draws * (bounds[1] - bounds[0])


OPERATIONS: Mapping[str, Operation] = {
    "random_crop": Operation("a shifted window of the padded image", 2, _random_crop),
    "random_resized_crop": Operation("a random part, enlarged", 4, _random_resized_crop),
    "horizontal_flip": Operation("left and right exchanged", 1, _horizontal_flip),
    "vertical_flip": Operation("top and bottom exchanged", 1, _vertical_flip),
    "color_jitter": Operation("brightness, contrast, saturation, hue", 4, _color_jitter),
    "rotation": Operation("turned about the centre", 1, _rotation),
    "random_erasing": Operation("a rectangle filled with the mean colour", 5, _random_erasing),
}


def _operation(name: str) -> Operation:
    if name not in OPERATIONS:
        raise ConfigurationError(
            f"data_augmentation.transforms: {name!r} is unknown; there are {', '.join(OPERATIONS)}"
        )
    return OPERATIONS[name]
