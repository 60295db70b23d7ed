"""From an image file to the array a model sees: the one path for training, export and serving.

Needs Pillow and NumPy, and no torch, so that a served model goes the very same way.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from seatrial.errors import InputError
from seatrial.evidence.records import Preprocessing

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAX_PIXELS = 48 << 20
"""8192 × 6144. More may be a decompression bomb: a small file that fills the memory. This much is
decoded in 2 s and 1 GiB in any mode."""

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
            if image.format == "PNG" and _is_short_png(source, image):
                raise InputError("the image is truncated: fewer rows than its header claims")
            ImageOps.exif_transpose(image, in_place=True)
            return image
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"more than {MAX_PIXELS} pixels") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise InputError(_reason(source, error)) from None


_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
"""Of each pass of an interlaced PNG: first column and row, and the steps between them."""


def _is_short_png(source: Path | bytes, image: Image.Image) -> bool:
    """Whether a PNG file has fewer rows than its header claims. Pillow leaves them at zero, so
    only a file whose last rows are zero is looked into."""
    last = image.crop((0, max(0, image.height - 2), image.width, image.height))
    if np.asarray(last).reshape(last.height, -1).any(axis=1).all():
        return False
    content = source if isinstance(source, bytes) else source.read_bytes()
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", content, 16)
    bits = depth * _PNG_CHANNELS[colour]
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    required = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            required += rows * (1 + -(-columns * bits // 8))
    return _unpacked_bytes(content, required) < required


def _unpacked_bytes(content: bytes, enough: int) -> int:
    """How many bytes the data chunks of a PNG file hold, counted up to ``enough``."""
    unpack, found, place = zlib.decompressobj(), 0, 8
    while place + 8 <= len(content) and found < enough:
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IDAT":
            rest = content[place + 8 : place + 8 + length]
            while rest and found < enough:
                found += len(unpack.decompress(rest, _UNPACKED_AT_ONCE))
                rest = unpack.unconsumed_tail
        place += 12 + length
    return found


_UNPACKED_AT_ONCE = 1 << 20


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
