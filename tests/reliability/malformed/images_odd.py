"""Image files that are odd and whole: they are answered, within the same limits."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from reliability.malformed.case import Case
from reliability.malformed.pictures import jpeg_sized, noise, png, saved, zeros

Make = Callable[[], bytes]


def _case(name: str, make: Make, suffix: str = "png") -> Case:
    file = f"odd.{suffix}"

    def build(project: Path) -> None:
        (project / file).write_bytes(make())

    return Case(name, ("predict", "--model", "m.onnx", "--input", file), 0, (), build, lines=0)


def _image(mode: str = "RGB", side: int = 24) -> Image.Image:
    pixels = np.random.default_rng(4).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def _deep(kind: type[np.generic]) -> Image.Image:
    return Image.fromarray(np.arange(576, dtype=kind).reshape(24, 24))


def _with_exif(tag: int, value: object) -> bytes:
    exif = Image.Exif()
    exif[tag] = value
    return saved(_image(), "JPEG", exif=exif)


def _with_exif_text(text: bytes) -> bytes:
    """An orientation (tag 0x0112) that is text, where a whole number is required."""
    entry = struct.pack("<HHI4s", 0x0112, 2, len(text) + 1, text.ljust(4, b"\0"))
    folder = struct.pack("<H", 1) + entry + bytes(4)
    return saved(_image(), "JPEG", exif=b"Exif\0\0II*\0" + struct.pack("<I", 8) + folder)


def _archive_behind(image: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("run.sh", "id")
    return image + stream.getvalue()


def _frames(kind: str) -> bytes:
    return saved(_image(), kind, save_all=True, append_images=[_image()] * 20)


CASES = (
    _case("CMYK", lambda: saved(_image("CMYK"), "JPEG"), "jpg"),
    _case("CMYK in a TIFF", lambda: saved(_image("CMYK"), "TIFF"), "tif"),
    _case("grey", lambda: saved(_image("L"), "JPEG"), "jpg"),
    _case("one bit", lambda: saved(_image("1"), "PNG")),
    _case("one bit in a TIFF", lambda: saved(_image("1"), "TIFF", compression="group4"), "tif"),
    _case("a palette", lambda: saved(_image("P"), "PNG")),
    _case("a palette with transparency", lambda: saved(_image("P"), "PNG", transparency=3)),
    _case("transparency", lambda: saved(_image("RGBA"), "PNG")),
    _case("grey with transparency", lambda: saved(_image("LA"), "PNG")),
    _case("16 bits", lambda: saved(_deep(np.uint16), "PNG")),
    _case("16 bits in a TIFF", lambda: saved(_deep(np.uint16), "TIFF"), "tif"),
    _case("32 bits in a TIFF", lambda: saved(_deep(np.int32), "TIFF"), "tif"),
    _case("floats in a TIFF", lambda: saved(_deep(np.float32), "TIFF"), "tif"),
    _case(
        "infinite floats in a TIFF",
        lambda: saved(Image.fromarray(np.full((24, 24), np.inf, np.float32)), "TIFF"),
        "tif",
    ),
    _case("a palette without colours", lambda: png(4, 4, colour=3)),
    # Every libjpeg fills what is not there with grey; a file cut short is another matter.
    _case("a JPEG that ends before its height", lambda: jpeg_sized(48, 4800), "jpg"),
    _case("YCbCr in a TIFF", lambda: saved(_image("YCbCr"), "TIFF"), "tif"),
    _case("an animated GIF", lambda: _frames("GIF"), "gif"),
    _case("an animated WebP", lambda: _frames("WEBP"), "webp"),
    _case("an animated PNG", lambda: _frames("PNG")),
    _case("a TIFF of many pages", lambda: _frames("TIFF"), "tif"),
    _case("lossless WebP", lambda: saved(_image("RGBA"), "WEBP", lossless=True), "webp"),
    _case("progressive JPEG", lambda: saved(_image(), "JPEG", progressive=True), "jpg"),
    _case("an orientation", lambda: _with_exif(0x0112, 6), "jpg"),
    _case("an orientation of nine", lambda: _with_exif(0x0112, 9), "jpg"),
    _case("an orientation of text", lambda: _with_exif_text(b"up"), "jpg"),
    _case("EXIF of a hundred kilobytes", lambda: _with_exif(0x9286, "x" * 60_000), "jpg"),
    _case(
        "EXIF of noise",
        lambda: saved(_image(), "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 99),
        "jpg",
    ),
    _case(
        "a profile of noise", lambda: saved(_image(), "JPEG", icc_profile=bytes(range(256))), "jpg"
    ),
    _case("a wrong suffix", lambda: noise("JPEG"), "png"),
    _case("a wrong suffix the other way", lambda: noise("PNG"), "jpg"),
    _case("one pixel", lambda: saved(_image(side=1), "PNG")),
    _case("one row of ten thousand", lambda: png(10_000, 1)),
    _case("an archive behind it", lambda: _archive_behind(noise("PNG"))),
    _case("a page behind it", lambda: noise("GIF") + b"<script>alert(1)</script>", "gif"),
    _case("the most grey pixels", lambda: zeros(8192, 6144, 1)),
    _case("the most pixels", lambda: zeros(8192, 6144, 3)),
    _case("the most pixels with transparency", lambda: zeros(8192, 6144, 4)),
)
