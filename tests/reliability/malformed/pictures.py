"""Makes image files, whole ones and the parts that broken ones are made of."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
SUFFIX = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif",
          "PPM": "ppm"}  # fmt: skip


@cache
def noise(kind: str, mode: str = "RGB", side: int = 48) -> bytes:
    """A whole image file of noise."""
    pixels = np.random.default_rng(3).integers(0, 255, (side, side, 4), dtype=np.uint8)
    image = Image.fromarray(pixels if mode == "RGBA" else pixels[..., :3])
    stream = io.BytesIO()
    image.convert(mode).save(stream, kind)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file with its checksum."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png(
    width: int,
    height: int,
    *,
    colour: int = 2,
    depth: int = 8,
    data: bytes | None = None,
    before: bytes = b"",
    interlace: int = 0,
) -> bytes:
    """A PNG file of zeros, or with compressed ``data`` and chunks ``before`` it of one's own."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 3)
    row = 1 + (width * channels * depth + 7) // 8
    if data is None:
        # Of a size that is a lie, no more than a few rows are there.
        data = zlib.compress(bytes(min(row * min(height, 64), 1 << 20)), 1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def zeros(width: int, height: int, channels: int) -> bytes:
    """A PNG file of zeros, complete however large: a kilobyte for a megabyte."""
    squeeze = zlib.compressobj(9)
    row = bytes(1 + width * channels)
    body = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    return png(width, height, colour={1: 0, 3: 2, 4: 6}[channels], data=body)


def gif(width: int, height: int, frames: bytes = b"") -> bytes:
    """A GIF file of a screen of this size, with one image of two pixels unless given."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0)
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + bytes(6) + (frames or image) + b"\x3b"


def bmp(
    width: int, height: int, data: bytes = bytes(64), *, bits: int = 24, pack: int = 0
) -> bytes:
    """A BMP file with a header of one's own."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, pack, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + header + data


def tiff(entries: list[tuple[int, int, int, int]], *, next_folder: int = 0) -> bytes:
    """A TIFF file of one folder of ``(tag, type, count, value)`` entries and 64 bytes of data."""
    folder = struct.pack("<H", len(entries))
    folder += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    folder += struct.pack("<I", next_folder)
    return b"II*\0" + struct.pack("<I", 8) + folder + bytes(64)


def tiff_of(width: int, height: int, *, compression: int = 1, bits: int = 8) -> bytes:
    """A grey TIFF file that claims this size."""
    offset = 8 + 2 + 9 * 12 + 4
    return tiff(
        [
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, bits),
            (259, 3, 1, compression),
            (262, 3, 1, 1),
            (273, 4, 1, offset),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, 64),
        ]
    )


def jpeg_sized(width: int, height: int) -> bytes:
    """The noise of 48 pixels with another size in its frame header."""
    content = bytearray(noise("JPEG"))
    place = content.index(b"\xff\xc0")
    content[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """An image as Pillow writes it."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()
