"""Hashes that survive re-encoding, a search that misses nothing, and no false alarms."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from scipy.fft import dctn
from sklearn.datasets import load_digits, load_sample_images

from seatrial.data import fingerprints
from seatrial.data.neighbours import near_pairs
from seatrial.data.similarity import (
    DETAIL_BOUNDS,
    MIN_CORRELATION,
    Pictures,
    Similar,
    detail_agreement,
    detail_spectrum,
    find_similar,
    stranger_bounds,
)


def distance(first: Image.Image, second: Image.Image) -> int:
    thumbnails = np.stack([fingerprints.thumbnail(first), fingerprints.thumbnail(second)])
    hashes, _ = fingerprints.perceptual_hashes(thumbnails)
    return int(np.bitwise_count(hashes[0] ^ hashes[1]))


def photos(side: int = 160) -> list[Image.Image]:
    """Windows of two real photographs, those that show more than sky and blurred leaves."""
    found = []
    for values in load_sample_images().images:
        whole = Image.fromarray(values)
        found += [
            whole.crop((left, top, left + side, top + side))
            for left in range(0, whole.width - side, side // 2)
            for top in range(0, whole.height - side, side // 2)
        ]
    return [image for image in found if np.asarray(image.convert("L")).std() > 40][:16]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue()))


TWINS = {
    "re-encoded": lambda image: jpeg(image, 30),
    "halved": lambda image: image.resize((image.width // 2, image.height // 2)),
    "grey and brighter": lambda i: ImageEnhance.Brightness(i.convert("L").convert("RGB")).enhance(
        1.2
    ),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "cropped": lambda image: image.crop((2, 2, image.width, image.height)),
}


def pictures(images: list[Image.Image], labels: list[int] | None = None) -> Pictures:
    thumbnails = np.stack([fingerprints.thumbnail(image) for image in images])
    hashes, _ = fingerprints.perceptual_hashes(thumbnails)
    return Pictures(
        hashes=hashes,
        coarse=fingerprints.coarse(thumbnails),
        labels=np.array(labels if labels else [0] * len(images), dtype=np.int64),
        sides=np.array([min(image.size) for image in images], dtype=np.int64),
        image=images.__getitem__,
    )


# ---------------------------------------------------------------- the hash


def test_the_hash_is_the_sign_of_the_lowest_frequencies_about_their_median() -> None:
    thumbnails = np.random.default_rng(0).integers(0, 256, (20, 32, 32), dtype=np.uint8)
    low = dctn(thumbnails.astype(float), axes=(1, 2), norm="ortho")[:, :8, :8].reshape(20, 64)
    expected = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1).view(np.uint64)
    hashes, meaningful = fingerprints.perceptual_hashes(thumbnails)
    assert np.bitwise_count(hashes ^ expected[:, 0]).max() <= 2  # two lie next to the median
    assert meaningful.all()


def test_an_image_of_one_colour_has_no_hash() -> None:
    flat = Image.new("RGB", (40, 40), (10, 200, 30))
    assert not fingerprints.perceptual_hashes(fingerprints.thumbnail(flat)[None])[1][0]
    assert fingerprints.perceptual_hashes(np.empty((0, 32, 32), np.uint8))[0].shape == (0,)


@pytest.mark.parametrize("twin", ["re-encoded", "halved", "flatter", "grey and brighter"])
def test_a_twin_keeps_nearly_all_bits(twin: str) -> None:
    apart = [distance(image, TWINS[twin](image)) for image in photos()]
    assert np.median(apart) <= 2
    assert max(apart) <= 8


# ---------------------------------------------------------------- the search


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 16), st.integers(0, 60), st.integers(0, 10**6))
def test_the_search_finds_what_comparing_each_with_each_finds(
    bits: int, count: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**63, count, dtype=np.uint64)
    for index in range(1, count):  # most of them near another
        if random.random() < 0.7:
            flips = random.integers(0, 64, random.integers(0, 20))
            changed = int(hashes[random.integers(index)])
            for flip in flips.tolist():
                changed ^= 1 << flip
            hashes[index] = changed
    pairs, distances, complete = near_pairs(hashes, bits)
    expected = {
        (a, b): int(np.bitwise_count(hashes[a] ^ hashes[b]))
        for a in range(count)
        for b in range(a + 1, count)
        if np.bitwise_count(hashes[a] ^ hashes[b]) <= bits
    }
    assert complete
    assert {
        tuple(pair): d for pair, d in zip(pairs.tolist(), distances.tolist(), strict=True)
    } == expected
    assert distances.tolist() == sorted(distances.tolist())


def test_the_search_ends_where_everything_is_alike() -> None:
    pairs, _, complete = near_pairs(np.zeros(3000, dtype=np.uint64), 4, limit=10_000)
    assert not complete
    assert 10_000 <= len(pairs) < 20_000


def test_fifty_thousand_hashes_are_not_compared_each_with_each() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, 50_000, dtype=np.uint64)
    hashes[100] = hashes[40_000] ^ np.uint64(0b1011)
    pairs, distances, _ = near_pairs(hashes, 3)
    assert (pairs.tolist(), distances.tolist()) == ([[100, 40_000]], [3])


# ---------------------------------------------------------------- what confirms


@pytest.mark.parametrize("twin", sorted(TWINS))
def test_twins_of_photographs_are_found_and_strangers_are_not(twin: str) -> None:
    originals = photos()
    found = find_similar(pictures([*originals, *map(TWINS[twin], originals)]), 8, threads=1)
    count = len(originals)
    assert count >= 8
    assert all(second - first == count for first, second in found.pairs.tolist())
    expected = 0.75 if twin == "cropped" else 1.0
    assert len(found.pairs) >= expected * count


def test_the_same_layout_with_other_detail_is_a_stranger() -> None:
    """As trousers laid out alike and photographed from above: the cloth tells them apart."""
    random = np.random.default_rng(0)
    layout = random.integers(60, 200, (6, 6), dtype=np.uint8)
    large = np.asarray(Image.fromarray(layout).resize((160, 160), Image.Resampling.BICUBIC))
    images = [
        Image.fromarray(np.clip(large + random.normal(0, 12, large.shape), 0, 255).astype(np.uint8))
        for _ in range(6)
    ]
    found = pictures([image.convert("RGB") for image in images])
    proposed, _, _ = near_pairs(found.hashes, 8)
    common = np.zeros((16, 16), np.float32)
    alike = fingerprints.correlations(found.coarse, proposed[:, 0], proposed[:, 1], common)
    assert len(proposed) >= 10
    assert alike.min() > MIN_CORRELATION
    assert len(find_similar(found, 8, threads=1).pairs) == 0


def test_detail_agrees_with_itself_shifted_and_not_with_noise() -> None:
    image = photos()[0]
    spectrum = detail_spectrum(image, 128)
    assert detail_agreement(spectrum, spectrum) == pytest.approx(1, abs=1e-4)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (160, 160), dtype=np.uint8))
    assert detail_agreement(spectrum, detail_spectrum(noise, 128)) < DETAIL_BOUNDS[128] / 2
    flat = detail_spectrum(Image.new("L", (160, 160), 7), 128)
    assert detail_agreement(spectrum, flat) == pytest.approx(0, abs=1e-3)


def test_a_class_of_look_alikes_needs_more_than_a_class_of_many_sorts() -> None:
    random = np.random.default_rng(0)
    shape = np.zeros((16, 16))
    shape[4:12, 6:10] = 200
    alike = np.clip(shape + random.normal(0, 30, (200, 16, 16)), 0, 255)
    sorts = random.integers(0, 256, (200, 16, 16))
    coarse = np.concatenate([alike, sorts]).astype(np.uint8)
    labels = np.repeat([0, 1], 200)
    bounds = stranger_bounds(coarse, labels, np.zeros((16, 16), np.float32))
    assert bounds[0] > 0.93
    assert bounds[1] == pytest.approx(MIN_CORRELATION)


def test_handwriting_that_looks_alike_is_hardly_ever_called_a_copy() -> None:
    digits = load_digits()
    values = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    images = [Image.fromarray(one).resize((28, 28)) for one in values]
    found = pictures(images, digits.target.tolist())
    proposed = near_pairs(found.hashes, 8)[0]
    confirmed: Similar = find_similar(found, 8, threads=1)
    assert len(proposed) > 500
    assert len(confirmed.pairs) < 0.05 * len(proposed)


def test_no_pictures_have_no_pairs() -> None:
    empty = Pictures(
        hashes=np.empty(0, np.uint64),
        coarse=np.empty((0, 16, 16), np.uint8),
        labels=np.empty(0, np.int64),
        sides=np.empty(0, np.int64),
        image=[].__getitem__,
    )
    assert find_similar(empty, 8, threads=1).pairs.shape == (0, 2)


# ---------------------------------------------------------------- real photographs


@pytest.fixture(scope="module")
def cifar() -> dict[str, Image.Image]:
    """Pairs seen with one's own eyes, and pairs that only look alike to a hash."""
    archive = Path(__file__).parents[3] / "shared" / "data" / "cifar10-jpeg.tar.xz"
    if not archive.is_file():
        pytest.skip(f"{archive.name} is not beside the repository")
    wanted = {f"train/{name}" for pair in (*CIFAR_TWINS, *CIFAR_STRANGERS) for name in pair}
    found = {}
    with tarfile.open(archive) as files:
        for member in files:
            name = member.name.removeprefix("./")
            if name in wanted:
                stream = files.extractfile(member)
                assert stream is not None
                found[name.removeprefix("train/")] = Image.open(io.BytesIO(stream.read()))
                if len(found) == len(wanted):
                    break
    return found


CIFAR_TWINS = [
    ("frog/0502.jpg", "frog/0954.jpg"),
    ("automobile/0035.jpg", "automobile/0412.jpg"),
    ("airplane/0007.jpg", "airplane/0513.jpg"),
    ("frog/0178.jpg", "frog/0204.jpg"),
    ("truck/0888.jpg", "truck/0930.jpg"),
    ("horse/0008.jpg", "horse/0835.jpg"),
    ("cat/0216.jpg", "cat/0752.jpg"),
]
CIFAR_STRANGERS = [
    ("airplane/0468.jpg", "airplane/0992.jpg"),
    ("airplane/0744.jpg", "horse/0523.jpg"),
    ("horse/0444.jpg", "ship/0754.jpg"),
    ("bird/0070.jpg", "bird/0241.jpg"),
]


def test_cifar_s_twins_are_told_from_its_look_alikes(cifar: dict[str, Image.Image]) -> None:
    names = sorted(cifar)
    found = find_similar(pictures([cifar[name] for name in names], list(range(len(names)))), 8, 1)
    pairs = {(names[a], names[b]) for a, b in found.pairs.tolist()}
    assert pairs == set(CIFAR_TWINS)
