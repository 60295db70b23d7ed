"""From an image file to the array a model sees: the one path for training, export and serving.

Needs Pillow and NumPy, and no torch, so that a served model goes the very same way.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from seatrial.errors import InputError
from seatrial.evidence.records import Preprocessing

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAX_PIXELS = 89_478_485
"""Above this Pillow suspects a decompression bomb: a small file that fills the memory."""

# Pillow warns of odd but readable files on stderr, and catch_warnings is not safe among threads.
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_BAND_PIXELS = 1 << 22
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")

Pixels = npt.NDArray[np.uint8]


def open_image(source: Path | bytes) -> Image.Image:
    """Decode an image file completely, upright by its EXIF orientation.

    :raises InputError: not an image of the allowed formats, truncated, damaged, or larger than
        :data:`MAX_PIXELS`; the message gives the reason without the file's name.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(f"{image.width}x{image.height} pixels, {MAX_PIXELS} allowed")
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return image
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"more than {MAX_PIXELS} pixels") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise InputError(_reason(source, error)) from None


def _reason(source: Path | bytes, error: Exception) -> str:
    """Why an image could not be decoded, on one line."""
    if isinstance(source, Path):
        if not source.is_file():
            return "no such file"
        if source.stat().st_size == 0:
            return "the file is empty"
    elif not source:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return f"not an image of a known format ({', '.join(FORMATS)})"
    return " ".join(str(error).split()) or type(error).__name__


def convert(image: Image.Image, channels: Literal[1, 3]) -> Image.Image:
    """Any mode as grey (1) or RGB (3), 8 bits a channel.

    16-bit images are scaled by 1/257 to 8 bits; transparency is laid on white.

    :raises InputError: a mode that Pillow cannot turn into grey or RGB, such as LAB.
    """
    try:
        return _converted(image, channels)
    except ValueError as error:
        raise InputError(f"mode {image.mode} cannot be read as grey or RGB: {error}") from None


def _converted(image: Image.Image, channels: Literal[1, 3]) -> Image.Image:
    wanted = "L" if channels == 1 else "RGB"
    if image.mode == wanted and "transparency" not in image.info:
        return image
    rows = max(1, _BAND_PIXELS // image.width)
    if rows >= image.height:
        return _converted_band(image, wanted)
    # Every pixel by itself, so in bands: a large image would be in memory five times over.
    result = Image.new(wanted, image.size)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        result.paste(_converted_band(image.crop(box), wanted), box)
    return result


def _converted_band(image: Image.Image, wanted: str) -> Image.Image:
    if image.mode in _SIXTEEN_BIT:
        values = np.asarray(image, dtype=np.float64)
        image = Image.fromarray(np.clip(values / 257.0 + 0.5, 0, 255).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray(np.clip(_numbers(image) + 0.5, 0, 255).astype(np.uint8))
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image)
    return image if image.mode == wanted else image.convert(wanted)


def _numbers(image: Image.Image) -> npt.NDArray[np.float32]:
    values = np.asarray(image, dtype=np.float32)
    if np.isnan(values).any():
        raise InputError("values that are not numbers")
    return values


def resize(image: Image.Image, spec: Preprocessing) -> Image.Image:
    """``image`` at the spec's height and width: stretched, cropped at the centre, or padded."""
    size, method = (spec.width, spec.height), _FILTERS[spec.interpolation]
    if image.size == size:
        return image
    if spec.resize == "crop":
        return ImageOps.fit(image, size, method)
    if spec.resize == "pad":
        return ImageOps.pad(image, size, method)
    return image.resize(size, method)


def to_pixels(image: Image.Image, spec: Preprocessing) -> Pixels:
    """An opened image as ``(H, W, C)`` uint8 at the model's size."""
    array = np.asarray(resize(convert(image, spec.channels), spec), dtype=np.uint8)
    return array.reshape(spec.height, spec.width, spec.channels)


def load_pixels(source: Path | bytes, spec: Preprocessing) -> Pixels:
    """An image file as ``(H, W, C)`` uint8 at the model's size; raises as :func:`open_image`."""
    return to_pixels(open_image(source), spec)


def normalise(pixels: Pixels, spec: Preprocessing) -> npt.NDArray[np.float32]:
    """``(N, H, W, C)`` uint8 → ``(N, C, H, W)`` float32: divided by 255, mean and std applied.

    Written as one multiplication and one addition in float32, the form every export shares.
    """
    scale, shift = scale_and_shift(spec.mean, spec.std)
    # Whole planes in place: along three interleaved channels the same arithmetic takes nine times
    # as long.
    planes = pixels.transpose(0, 3, 1, 2).astype(np.float32, order="C")
    planes *= scale.reshape(1, -1, 1, 1)
    planes += shift.reshape(1, -1, 1, 1)
    return planes


def scale_and_shift(
    mean: Sequence[float], std: Sequence[float]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """``(x / 255 - mean) / std`` as ``x * scale + shift``; both ``(C,)`` float32."""
    std64, mean64 = np.asarray(std, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    return (1 / (255 * std64)).astype(np.float32), (-mean64 / std64).astype(np.float32)
