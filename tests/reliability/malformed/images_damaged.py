"""Image files cut at every kind of place, empty, of another format than allowed, or no images."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from reliability.malformed.case import Build, Case, writes
from reliability.malformed.pictures import FORMATS, SUFFIX, bmp, chunk, gif, noise, png, saved
from reliability.malformed.seed import TRAIN


def _answered(name: str, content: bytes, *says: str, suffix: str = "png") -> Case:
    """At ``predict``: the image is named, and nothing else is said."""
    file = f"bad.{suffix}"
    arguments = ("predict", "--model", "m.onnx", "--input", file)
    return Case(name, arguments, 3, (file, *says), writes(file, content))


def _trained(name: str, content: bytes, suffix: str = "png") -> Case:
    """In a data set: the image is named, and the share that is allowed."""
    file = f"images/train/day/bad.{suffix}"
    says = (f"train/day/bad.{suffix}", "max_unreadable_fraction")
    return Case(name, TRAIN, 3, says, writes(file, content))


def _missing(name: str, build: Build, *says: str) -> Case:
    return Case(name, ("predict", "--model", "m.onnx", "--input", "bad.png"), 3, says, build)


def _cut(kind: str, part: float) -> bytes:
    content = noise(kind)
    return content[: int(len(content) * part)]


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.png", noise("PNG"))
    return stream.getvalue()


def _pipe(project: Path) -> None:
    os.mkfifo(project / "bad.png")


def _loop(project: Path) -> None:
    (project / "bad.png").symlink_to("bad.png")


def _device(project: Path) -> None:
    (project / "bad.png").symlink_to("/dev/zero")


def _empty_folder(project: Path) -> None:
    (project / "bad.png").mkdir()


_NO_NUMBERS = np.full((24, 24), np.nan, np.float32)
_ENCAPSULATED = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"
_SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"

CASES = (
    *(
        _answered(f"{kind} cut at {part:.0%}", _cut(kind, part), suffix=SUFFIX[kind])
        for kind in FORMATS
        for part in (0.01, 0.3, 0.9)
    ),
    *(_answered(f"empty {SUFFIX[k]}", b"", "empty", suffix=SUFFIX[k]) for k in FORMATS),
    *(_trained(f"{k} cut, in a data set", _cut(k, 0.5), SUFFIX[k]) for k in FORMATS),
    _trained("empty, in a data set", b""),
    _trained("text, in a data set", b"not an image"),
    _answered("text", b"not an image", "known format"),
    _answered("one byte", b"\x89", "known format"),
    _answered("a signature alone", _SIGNATURE),
    _answered("zeros", bytes(10_000), "known format"),
    _answered("a program", b"#!/bin/sh\nid\n", "known format"),
    _answered("HTML", b"<!DOCTYPE html><img src=x onerror=alert(1)>", "known format"),
    _answered("SVG", _SVG, "known format"),
    _answered("PostScript", _ENCAPSULATED, "known format"),
    _answered("PDF", b"%PDF-1.7\n1 0 obj\n", "known format"),
    _answered("a zip archive", _zip(), "known format"),
    _answered("an icon", saved(Image.new("RGB", (16, 16)), "ICO"), "known format"),
    _answered("TGA", saved(Image.new("RGB", (16, 16)), "TGA"), "known format"),
    _answered("JPEG 2000", saved(Image.new("RGB", (16, 16)), "JPEG2000"), "known format"),
    _answered("AVIF's first bytes", b"\0\0\0\x20ftypavif" + bytes(40), "known format"),
    _answered("XPM", b'/* XPM */\nstatic char *x[] = {"1 1 1 1"};', "known format"),
    _answered("no pixels in a PNG", png(0, 0)),
    _answered("a width of zero", png(0, 4)),
    _answered("no data chunk", _SIGNATURE + png(4, 4)[8:33] + chunk(b"IEND", b"")),
    _answered("data that is not compressed", png(4, 4, data=b"not compressed")),
    _answered("an unknown depth", png(4, 4, depth=7)),
    _answered("an unknown colour type", png(4, 4, colour=5)),
    _answered("a wrong checksum", png(4, 4)[:30] + b"\0" + png(4, 4)[31:]),
    _answered("a chunk longer than the file", _SIGNATURE + b"\x7f\xff\xff\xffIHDR" + bytes(13)),
    _answered("no image in a GIF", gif(4, 4, b"\x21\xfe\x00"), suffix="gif"),
    _answered("a GIF of endless comments", gif(4, 4, b"\x21\xfe" + b"\xff" * 70_000), suffix="gif"),
    _answered("an unknown packing in a BMP", bmp(4, 4, pack=99), suffix="bmp"),
    _answered("a BMP of 7 bits", bmp(4, 4, bits=7), suffix="bmp"),
    _answered("floats that are no numbers", saved(Image.fromarray(_NO_NUMBERS), "TIFF"), "numbers"),
    _missing("no such file", lambda _: None, "no such file"),
    _missing("a pipe", _pipe, "not a file"),
    _missing("a device", _device, "not a file"),
    _missing("a loop of links", _loop, "bad.png"),
    _missing("a folder without images", _empty_folder, "no image found"),
)
