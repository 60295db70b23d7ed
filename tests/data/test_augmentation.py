"""Every variation is a function of (seed, epoch, index), stays in range, and does what it says."""

from __future__ import annotations

import colorsys
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.config.schema import Transform
from seatrial.data.augmentation import OPERATIONS, Augmenter
from seatrial.data.randomness import uniforms
from seatrial.errors import ConfigurationError

EVERYTHING: dict[str, Any] = {
    "random_crop": [12, 10],
    "random_resized_crop": {},
    "horizontal_flip": {"p": 0.5},
    "vertical_flip": {"p": 0.5},
    "color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.2},
    "rotation": {"degrees": 30},
    "random_erasing": {"p": 0.5},
}
NAMES = sorted(EVERYTHING)


def augmenter(seed: int = 0, /, **transforms: Any) -> Augmenter:
    entries = [Transform.model_validate({name: value}) for name, value in transforms.items()]
    return Augmenter(entries, seed)


def images(count: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 12, 10, channels), dtype=np.uint8)


def test_the_table_has_every_transform_of_the_configuration() -> None:
    assert set(OPERATIONS) == set(Transform.model_fields)


# ---------------------------------------------------------------- a pure function of each sample


@pytest.mark.parametrize("name", [*NAMES, "all"])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_comes_out_the_same_in_any_batch_and_order(name: str, channels: int) -> None:
    chosen = EVERYTHING if name == "all" else {name: EVERYTHING[name]}
    vary, pixels, indices = augmenter(7, **chosen), images(16, channels), np.arange(100, 116)
    whole = vary(pixels, 3, indices)
    assert whole.shape == pixels.shape
    assert whole.dtype == np.uint8
    order = np.random.default_rng(1).permutation(16)
    assert np.array_equal(vary(pixels[order], 3, indices[order]), whole[order])
    for row in (0, 9):
        assert np.array_equal(vary(pixels[[row]], 3, indices[[row]])[0], whole[row])


@pytest.mark.parametrize("name", NAMES)
def test_seed_epoch_and_index_each_matter_and_the_input_stays(name: str) -> None:
    pixels, indices = images(32), np.arange(32)
    before = pixels.copy()
    first = augmenter(1, **{name: EVERYTHING[name]})(pixels, 0, indices)
    assert not np.array_equal(first, pixels)
    again = augmenter(1, **{name: EVERYTHING[name]})
    assert np.array_equal(again(pixels, 0, indices), first)
    assert not np.array_equal(again(pixels, 1, indices), first)
    assert not np.array_equal(again(pixels, 0, indices + 32), first)
    assert not np.array_equal(augmenter(2, **{name: EVERYTHING[name]})(pixels, 0, indices), first)
    assert np.array_equal(pixels, before)


def test_a_fresh_process_draws_the_same() -> None:
    program = (
        "import numpy as np; from seatrial.data.randomness import uniforms;"
        "print(uniforms(3, 5, np.array([11, 2**40]), 2).tolist())"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.decode().strip() == str(uniforms(3, 5, np.array([11, 2**40]), 2).tolist())


def test_a_tensor_and_an_array_give_the_same_array() -> None:
    pixels, vary = images(4), augmenter(**EVERYTHING)
    result = vary(torch.from_numpy(pixels), 0, torch.arange(4))
    assert isinstance(result, np.ndarray)
    assert np.array_equal(result, vary(pixels, 0, np.arange(4)))
    assert torch.from_numpy(result).shape == pixels.shape


def test_an_empty_batch_and_no_transforms_change_nothing() -> None:
    assert augmenter(**EVERYTHING)(images(0), 0, np.arange(0)).shape == (0, 12, 10, 3)
    pixels = images(3)
    assert np.array_equal(augmenter()(pixels, 0, np.arange(3)), pixels)


def test_what_is_no_batch_of_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        augmenter(**EVERYTHING)(images(2).astype(np.float32), 0, np.arange(2))


# ---------------------------------------------------------------- nothing asked for, nothing done


@pytest.mark.parametrize(
    "transform",
    [
        {"horizontal_flip": {"p": 0}},
        {"vertical_flip": {"p": 0}},
        {"random_erasing": {"p": 0}},
        {"random_crop": {"size": [12, 10], "padding": 0}},
        {"color_jitter": {}},
        {"rotation": {"degrees": 0}},
        {"random_resized_crop": {"scale": [1, 1], "ratio": [1, 1]}},
    ],
)
def test_no_strength_is_the_identity(transform: dict[str, Any]) -> None:
    pixels = images(20)
    assert np.array_equal(augmenter(**transform)(pixels, 0, np.arange(20)), pixels)


# ---------------------------------------------------------------- what each one does


@pytest.mark.parametrize(("name", "axis"), [("horizontal_flip", 2), ("vertical_flip", 1)])
def test_a_flip_gives_the_image_or_its_mirror_as_often_as_asked(name: str, axis: int) -> None:
    pixels = images(2000)
    result = augmenter(**{name: {"p": 0.3}})(pixels, 0, np.arange(2000))
    same = (result == pixels).all(axis=(1, 2, 3))
    mirrored = (result == np.flip(pixels, axis)).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert abs(mirrored.mean() - 0.3) < 0.04  # four standard deviations


def test_a_crop_is_a_window_of_the_padded_image_and_every_window_occurs() -> None:
    pixels = images(500)
    result = augmenter(random_crop={"size": [12, 10], "padding": 2})(pixels, 0, np.arange(500))
    padded = np.pad(pixels, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = np.zeros((5, 5), dtype=int)
    for row in range(500):
        at = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if np.array_equal(padded[row, top : top + 12, left : left + 10], result[row])
        ]
        assert len(at) == 1
        seen[at[0]] += 1
    assert seen.min() > 0
    assert seen.max() < 2.5 * 500 / 25


def test_a_crop_of_another_size_than_the_model_s_is_refused() -> None:
    vary = augmenter(random_crop=[8, 8])
    with pytest.raises(ConfigurationError, match=r"required the model's input size \[12, 10\]"):
        vary(images(2), 0, np.arange(2))
    with pytest.raises(ConfigurationError, match="random_crop"):
        vary.check(12, 10)
    vary.check(8, 8)


def test_brightness_scales_and_clips() -> None:
    pixels = np.full((400, 12, 10, 3), 200, dtype=np.uint8)
    result = augmenter(color_jitter={"brightness": 0.5})(pixels, 0, np.arange(400))
    assert (result == result[:, :1, :1, :1]).all()
    values = result[:, 0, 0, 0].astype(int)
    assert values.min() >= 99
    assert values.max() == 255
    assert abs(np.median(values) - 200) < 15


def test_contrast_keeps_the_mean_grey() -> None:
    pixels = np.tile(np.linspace(80, 170, 120).reshape(1, 12, 10, 1), (50, 1, 1, 3)).astype(
        np.uint8
    )
    result = augmenter(color_jitter={"contrast": 0.5})(pixels, 0, np.arange(50)).astype(float)
    np.testing.assert_allclose(result.mean(axis=(1, 2, 3)), pixels[0].mean(), atol=0.6)
    ratio = result.std(axis=(1, 2, 3)) / pixels[0].std()
    assert 0.45 < ratio.min() < 0.65
    assert 1.35 < ratio.max() < 1.55


def test_saturation_and_hue_keep_luma_and_change_colour() -> None:
    pixels = np.full((60, 12, 10, 3), (150, 110, 90), dtype=np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    for strengths in ({"saturation": 0.8}, {"hue": 0.5}):
        result = augmenter(color_jitter=strengths)(pixels, 0, np.arange(60)).astype(float)
        np.testing.assert_allclose(result @ luma, pixels @ luma, atol=1.2)
        assert np.ptp(result[:, 0, 0, 0]) > 20
    turned = augmenter(color_jitter={"hue": 0.5})(pixels, 0, np.arange(60))[:, 0, 0] / 255
    hues = [colorsys.rgb_to_yiq(*colour) for colour in turned]
    chroma = np.hypot([i for _, i, _ in hues], [q for _, _, q in hues])
    np.testing.assert_allclose(chroma, chroma.mean(), rtol=0.06)


def test_grey_images_stay_grey_under_saturation_and_hue() -> None:
    grey = np.repeat(images(20, 1), 3, axis=3)
    result = augmenter(color_jitter={"saturation": 0.9, "hue": 0.5})(grey, 0, np.arange(20))
    assert np.abs(result.astype(int) - grey).max() <= 1


def test_a_resized_crop_stays_within_the_image_s_values_and_enlarges() -> None:
    ramp = np.tile(np.arange(0, 240, 20, dtype=np.uint8)[None, :, None, None], (300, 1, 10, 3))
    vary = augmenter(random_resized_crop={"scale": [0.25, 0.25], "ratio": [1, 1]})
    result = vary(ramp, 0, np.arange(300)).astype(int)
    spread = result[:, -1, 0, 0] - result[:, 0, 0, 0]
    assert result.max() <= 220
    assert abs(spread.mean() - 220 / 2) < 15
    assert np.ptp(result[:, 0, 0, 0]) > 80  # windows lie all over the image


def test_rotation_turns_by_at_most_the_angle_either_way() -> None:
    line = np.zeros((300, 41, 41, 1), dtype=np.uint8)
    line[:, 20, :, :] = 255
    result = augmenter(rotation={"degrees": 20})(line, 0, np.arange(300))[..., 0].astype(float)
    right = result[:, :, 36]
    rise = (right * np.arange(41)).sum(axis=1) / right.sum(axis=1) - 20
    angle = np.degrees(np.arctan(rise / 16))
    assert -21 < angle.min() < -15
    assert 15 < angle.max() < 21
    assert abs(angle.mean()) < 3


def test_erasing_fills_one_rectangle_of_the_area_with_the_mean_colour() -> None:
    pixels = np.zeros((400, 20, 20, 3), dtype=np.uint8)
    pixels[:, :, 10:] = (200, 100, 50)
    vary = augmenter(random_erasing={"p": 0.5, "scale": [0.1, 0.2]})
    result = vary(pixels, 0, np.arange(400))
    erased = (result == (100, 50, 25)).all(axis=3)
    hit = erased.any(axis=(1, 2))
    assert abs(hit.mean() - 0.5) < 0.1
    for one in erased[hit]:
        rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
        assert one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert 0.06 * 400 < one.sum() < 0.26 * 400
    assert np.array_equal(result[~erased], pixels[~erased])


# ---------------------------------------------------------------- the random numbers


def test_the_generator_is_splitmix64() -> None:
    """The first outputs for seed 1234567, as published with the reference implementation."""
    from seatrial.data import randomness

    gamma = np.uint64(0x9E3779B97F4A7C15)
    states = np.uint64(1234567) + np.arange(1, 4, dtype=np.uint64) * gamma
    assert randomness._mix(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 10**6))
def test_draws_are_uniform_and_independent_over_indices_and_columns(seed: int, epoch: int) -> None:
    draws = uniforms(seed, epoch, np.arange(4000), 4)
    assert ((draws >= 0) & (draws < 1)).all()
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=5 * np.sqrt(1 / 12 / 4000))
    np.testing.assert_allclose(draws.var(axis=0), 1 / 12, atol=0.006)
    others = np.concatenate([draws[1:], draws[:-1]], axis=1)
    across = np.corrcoef(draws[:-1].T, others.T)[:4, 4:]
    np.fill_diagonal(across[:, 4:], 0)
    assert np.abs(across).max() < 5.5 / np.sqrt(4000)


def test_neighbouring_seeds_and_epochs_draw_apart() -> None:
    streams = [uniforms(s, e, np.arange(2000), 1)[:, 0] for s in range(4) for e in range(4)]
    related = np.corrcoef(streams) - np.eye(16)
    assert np.abs(related).max() < 5 / np.sqrt(2000)
