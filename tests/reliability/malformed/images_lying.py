"""Image files that claim to be larger than they are, or are larger than they look."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from reliability.malformed.case import Case
from reliability.malformed.pictures import (
    bmp,
    chunk,
    gif,
    jpeg_sized,
    noise,
    png,
    tiff,
    tiff_of,
    zeros,
)
from reliability.malformed.seed import TRAIN

Make = Callable[[], bytes]


def _case(name: str, make: Make, *says: str, suffix: str = "png", train: bool = False) -> Case:
    file = f"images/train/day/bad.{suffix}" if train else f"bad.{suffix}"
    arguments = TRAIN if train else ("predict", "--model", "m.onnx", "--input", file)

    def build(project: Path) -> None:
        (project / file).write_bytes(make())

    return Case(name, arguments, 3, (Path(file).name, *says), build)


def _webp_sized(width: int, height: int) -> bytes:
    """An extended WebP file whose canvas has another size than its image."""
    image = noise("WEBP")[12:]
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    body = b"WEBP" + extended + image
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _ppm(header: str, data: bytes = b"\x01\x02\x03" * 16) -> bytes:
    return header.encode() + data


def _squeezed(megabytes: int) -> bytes:
    squeeze = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join(squeeze.compress(block) for _ in range(megabytes)) + squeeze.flush()


def _text_bomb(kind: bytes) -> bytes:
    """Chunks of compressed text: two gigabytes once unpacked."""
    lead = b"k\0\1\0\0\0" if kind == b"iTXt" else b"k\0\0"
    text = chunk(kind, lead + _squeezed(64))
    return png(4, 4, before=text * 32)


CASES = (
    _case("a PNG taller than its data", lambda: png(64, 640), "truncated"),
    _case("a PNG of gigapixels", lambda: png(60_000, 60_000), "pixels"),
    _case("a PNG of exapixels", lambda: png((1 << 31) - 1, (1 << 31) - 1), "pixels"),
    _case("a PNG of a negative width", lambda: png(0xFFFFFFFF, 1), "bad.png"),
    _case("a PNG of one long row", lambda: png((1 << 31) - 1, 1), "pixels"),
    _case("a whole PNG of a hundred megapixels", lambda: zeros(10_000, 10_000, 1), "pixels"),
    _case("a PNG of 16 bits of gigapixels", lambda: png(60_000, 60_000, depth=16), "pixels"),
    _case("an interlaced PNG of gigapixels", lambda: png(60_000, 60_000, interlace=1), "pixels"),
    _case(
        "a PNG with a profile that unpacks without end",
        lambda: png(4, 4, before=chunk(b"iCCP", b"p\0\0" + _squeezed(256))),
        "bad.png",
    ),
    _case("a PNG with text that unpacks without end", lambda: _text_bomb(b"zTXt"), "bad.png"),
    _case("a PNG with more text that unpacks", lambda: _text_bomb(b"iTXt"), "bad.png"),
    _case("a JPEG of gigapixels", lambda: jpeg_sized(60_000, 60_000), "pixels", suffix="jpg"),
    _case("a JPEG of no height", lambda: jpeg_sized(48, 0), suffix="jpg"),
    _case("a GIF of gigapixels", lambda: gif(60_000, 60_000), "pixels", suffix="gif"),
    _case(
        "a GIF of an image past its screen",
        lambda: gif(
            2, 2, b"\x2c" + struct.pack("<HHHHB", 60_000, 60_000, 5000, 5000, 0) + b"\2\2\x44\1\0"
        ),
        suffix="gif",
    ),
    _case("a WebP of gigapixels", lambda: _webp_sized(16_000, 16_000), "pixels", suffix="webp"),
    _case("a BMP of gigapixels", lambda: bmp(60_000, 60_000), "pixels", suffix="bmp"),
    _case("a BMP taller than its data", lambda: bmp(640, 640), "truncated", suffix="bmp"),
    _case("a BMP of a negative width", lambda: bmp(-4, 4), suffix="bmp"),
    _case("a BMP of the largest height", lambda: bmp(4, -(1 << 31)), suffix="bmp"),
    _case("a TIFF of gigapixels", lambda: tiff_of(60_000, 60_000), "pixels", suffix="tif"),
    _case("a TIFF taller than its data", lambda: tiff_of(640, 640), suffix="tif"),
    _case("a TIFF of no width", lambda: tiff_of(0, 4), suffix="tif"),
    _case("a TIFF without a size", lambda: tiff([(258, 3, 1, 8)]), suffix="tif"),
    _case(
        "a TIFF whose folder comes back to itself",
        lambda: tiff([(258, 3, 1, 8)], next_folder=8),
        suffix="tif",
    ),
    _case(
        "a TIFF of four billion values",
        lambda: tiff([(256, 4, 0xFFFFFFFF, 0), (257, 4, 1, 4)]),
        suffix="tif",
    ),
    _case(
        "a TIFF of thousands of tags",
        lambda: tiff([(n, 4, 1, 4) for n in range(300, 60_000)]),
        suffix="tif",
    ),
    _case(
        "a TIFF of an unknown compression", lambda: tiff_of(8, 8, compression=9999), suffix="tif"
    ),
    _case("a TIFF of 7 bits", lambda: tiff_of(8, 8, bits=7), suffix="tif"),
    _case("a PPM of gigapixels", lambda: _ppm("P6 60000 60000 255\n"), "pixels", suffix="ppm"),
    _case("a PPM taller than its data", lambda: _ppm("P6 640 640 255\n"), suffix="ppm"),
    _case("a PPM of a negative size", lambda: _ppm("P6 -4 4 255\n"), suffix="ppm"),
    _case("a PPM of a largest value of zero", lambda: _ppm("P6 4 4 0\n"), suffix="ppm"),
    _case("a PPM of a huge largest value", lambda: _ppm("P6 4 4 999999\n"), suffix="ppm"),
    _case(
        "a PPM of a size of a thousand digits",
        lambda: _ppm(f"P6 {'9' * 1000} 4 255\n"),
        suffix="ppm",
    ),
    _case("a PPM of a comment of megabytes", lambda: _ppm("P6 #" + "x" * (4 << 20)), suffix="ppm"),
    _case("a plain PPM of words", lambda: _ppm("P3 4 4 255\n", b"one two three"), suffix="ppm"),
    _case(
        "a plain PPM of huge numbers", lambda: _ppm("P3 4 4 255\n", b"9" * 100_000), suffix="ppm"
    ),
    _case("a PFM of no scale", lambda: _ppm("Pf 4 4 nan\n", bytes(64)), suffix="ppm"),
    _case("gigapixels in a data set", lambda: png(60_000, 60_000), "pixels", train=True),
    _case(
        "a hundred megapixels in a data set", lambda: zeros(10_000, 10_000, 1), "pixels", train=True
    ),
    _case("a size that lies in a data set", lambda: png(64, 640), "truncated", train=True),
    _case("text that unpacks in a data set", lambda: _text_bomb(b"zTXt"), train=True),
)
