"""From any file to the array a model sees, or to one line that says why not."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from seatrial import preprocessing
from seatrial.errors import InputError
from seatrial.evidence.records import Preprocessing
from seatrial.preprocessing import convert, load_pixels, normalise, open_image, resize, to_pixels

SPEC = Preprocessing(
    height=8,
    width=12,
    channels=3,
    resize="stretch",
    interpolation="bilinear",
    mean=(0.5, 0.25, 0.1),
    std=(0.2, 0.3, 0.4),
)


def photo(width: int = 12, height: int = 8) -> Image.Image:
    values = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


# ---------------------------------------------------------------- modes


@pytest.mark.parametrize("form", ["PNG", "BMP", "PPM", "TIFF"])
def test_lossless_formats_give_the_very_pixels(form: str) -> None:
    image = photo()
    assert np.array_equal(load_pixels(encoded(image, form), SPEC), np.asarray(image))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "F"])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_mode_arrives_as_the_configured_channels(mode: str, channels: int) -> None:
    grey = photo().convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    elif mode == "P":
        image = grey.convert("RGB").quantize(256)
    else:
        image = grey.convert("RGB").convert(mode) if mode == "CMYK" else grey.convert(mode)
    spec = SPEC.model_copy(update={"channels": channels})
    pixels = to_pixels(image, spec)
    assert pixels.shape == (8, 12, channels)
    assert pixels.dtype == np.uint8
    if mode != "1":
        off = pixels[..., 0].astype(int) - np.asarray(grey)
        assert np.abs(off).max() <= 1  # YCbCr rounds


def test_sixteen_bits_use_the_whole_range_of_eight(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 257, 32896, 65535]], dtype=np.uint16)).save(path)
    assert np.asarray(convert(open_image(path), 1)).tolist() == [[0, 1, 128, 255]]


def test_transparency_lies_on_white() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    assert np.asarray(convert(image, 3)).tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_a_transparent_palette_entry_lies_on_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    decoded = open_image(encoded(image, "PNG", transparency=0))
    assert np.asarray(convert(decoded, 3)).tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_a_mode_without_a_way_to_rgb_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="mode La cannot be read"):
        convert(Image.new("La", (4, 4)), 3)


# ---------------------------------------------------------------- orientation and size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = photo(16, 8)
    turned = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = open_image(encoded(turned, "PNG", exif=exif))
    assert np.array_equal(np.asarray(decoded), np.asarray(upright))


@pytest.mark.parametrize("how", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(12, 8), (30, 8), (5, 40), (1, 1)])
def test_every_way_of_resizing_gives_the_model_s_size(how: str, size: tuple[int, int]) -> None:
    spec = SPEC.model_copy(update={"resize": how})
    assert resize(photo(*size), spec).size == (12, 8)


def test_padding_keeps_the_shape_and_cropping_keeps_the_centre() -> None:
    image = Image.new("RGB", (24, 8), "white")
    padded = to_pixels(image, SPEC.model_copy(update={"resize": "pad"}))
    assert padded[0].max() == 0
    assert padded[4].min() == 255
    image.paste((9, 9, 9), (0, 0, 4, 8))
    assert to_pixels(image, SPEC.model_copy(update={"resize": "crop"})).min() == 255


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (12, 8), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert load_pixels(content, SPEC)[0, 0].tolist() == [255, 0, 0]


# ---------------------------------------------------------------- what cannot be read


def test_a_truncated_file_says_so(tmp_path: Path) -> None:
    whole = encoded(photo(64, 64), "JPEG")
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        open_image(path)


@pytest.mark.parametrize("as_bytes", [True, False])
def test_an_empty_file_says_so(tmp_path: Path, as_bytes: bool) -> None:
    path = tmp_path / "empty.jpg"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty"):
        open_image(b"" if as_bytes else path)


def test_text_under_an_image_s_name_says_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not an image at all\n" * 50)
    with pytest.raises(InputError, match="not an image of a known format"):
        open_image(path)


def test_an_absent_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_image(tmp_path / "absent.png")


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    for width, height in ((10_000, 9_000), (200_000, 200_000)):
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        with pytest.raises(InputError, match="pixels"):
            open_image(bomb)


@pytest.mark.parametrize("seed", range(30))
def test_damage_anywhere_gives_pixels_or_one_line(seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(encoded(photo(40, 40), ["PNG", "JPEG", "GIF", "WEBP", "TIFF"][seed % 5]))
    for position in random.integers(0, len(content), size=20):
        content[position] = random.integers(256)
    try:
        pixels = load_pixels(bytes(content), SPEC)
    except InputError as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert pixels.shape == (8, 12, 3)


def test_formats_beyond_the_list_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    photo().save(path, "ICO")
    with pytest.raises(InputError, match="not an image of a known format"):
        open_image(path)


# ---------------------------------------------------------------- one path


def test_a_path_and_its_bytes_give_the_same_pixels_from_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(photo(50, 37), "JPEG"))
    expected = load_pixels(path.read_bytes(), SPEC)
    with ThreadPoolExecutor(4) as pool:
        for pixels in pool.map(lambda _: load_pixels(path, SPEC), range(40)):
            assert np.array_equal(pixels, expected)


def test_normalising_is_division_by_255_then_mean_and_deviation() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)
    expected = (pixels / 255 - np.array(SPEC.mean)) / np.array(SPEC.std)
    result = normalise(pixels, SPEC)
    assert result.shape == (3, 3, 8, 12)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, expected.transpose(0, 3, 1, 2), atol=2e-6)


def test_normalising_no_images_gives_none() -> None:
    assert normalise(np.empty((0, 8, 12, 3), dtype=np.uint8), SPEC).shape == (0, 3, 8, 12)


def test_scale_and_shift_are_one_value_a_channel() -> None:
    scale, shift = preprocessing.scale_and_shift(SPEC.mean, SPEC.std)
    np.testing.assert_allclose(255 * scale, 1 / np.array(SPEC.std), rtol=1e-6)
    np.testing.assert_allclose(shift, -np.array(SPEC.mean) / np.array(SPEC.std), rtol=1e-6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_image_is_converted_in_bands_to_the_same_pixels(
    mode: str, channels: Literal[1, 3], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (37, 23, 4), dtype=np.uint8)
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray((noise[..., 0].astype(np.float64) * 250).astype(kind))
    else:
        image = Image.fromarray(noise).convert(mode)
    whole = np.asarray(preprocessing.convert(image, channels))
    monkeypatch.setattr(preprocessing, "_BAND_PIXELS", 23 * 5)
    assert np.array_equal(np.asarray(preprocessing.convert(image, channels)), whole)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
def test_a_whole_png_of_zeros_is_read(mode: str) -> None:
    stream = io.BytesIO()
    Image.new(mode, (13, 9)).save(stream, "PNG")
    assert preprocessing.open_image(stream.getvalue()).size == (13, 9)


@pytest.mark.parametrize("lost", [1, 5, 30])
def test_a_png_with_fewer_rows_than_it_claims_is_truncated(lost: int) -> None:
    stream = io.BytesIO()
    Image.new("L", (13, 32), 7).save(stream, "PNG")
    content = bytearray(stream.getvalue())
    content[20:24] = (32 + lost).to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with pytest.raises(InputError, match="truncated"):
        preprocessing.open_image(bytes(content))
