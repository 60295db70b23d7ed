"""An exported file answers as arithmetic says it must, and anything else is refused in a line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import scipy.special
from PIL import Image

from seatrial.errors import InputError
from seatrial.serving.predictions import image_files, predict
from seatrial.serving.predictor import Predictor, softmax
from tiny_onnx import CLASSES, HEIGHT, WIDTH, matrix, save_model

_ALONE = """
import json, sys
from pathlib import Path
from seatrial.serving import load_test
from seatrial.serving.predictions import predict
from seatrial.serving.predictor import Predictor
document = predict(Predictor(Path(sys.argv[1])), [Path(sys.argv[2])])
load_test.run(Path(sys.argv[1]), 2, 1)
heavy = {"torch", "torchvision", "matplotlib", "sklearn"} & set(sys.modules)
print(json.dumps({"document": document, "heavy": sorted(heavy)}))
"""


def images(count: int, seed: int = 0) -> np.ndarray:
    shape = (count, HEIGHT, WIDTH, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def by_hand(pixels: np.ndarray) -> np.ndarray:
    """Logits in float64, straight from the definition."""
    unit = pixels / 255.0
    ready = (unit - np.array([0.4, 0.5, 0.6])) / np.array([0.2, 0.25, 0.3])
    return ready.transpose(0, 3, 1, 2).reshape(len(pixels), -1) @ matrix().astype(np.float64)


def save(folder: Path, name: str, pixels: np.ndarray) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model.onnx")


@pytest.mark.parametrize("embedded", [False, True])
def test_probabilities_are_those_of_the_definition(tmp_path: Path, embedded: bool) -> None:
    predictor = Predictor(save_model(tmp_path / "m.onnx", embedded=embedded))
    pixels = images(5)
    expected = scipy.special.softmax(by_hand(pixels), axis=1)
    np.testing.assert_allclose(predictor.probabilities(pixels), expected, atol=2e-5)


@pytest.mark.parametrize("embedded", [False, True])
def test_logits_are_those_of_the_definition_up_to_a_constant_a_row(
    tmp_path: Path, embedded: bool
) -> None:
    predictor = Predictor(save_model(tmp_path / "m.onnx", embedded=embedded))
    logits = predictor.logits(predictor.prepare(images(5)))
    difference = logits - by_hand(images(5))
    if embedded:
        difference -= difference[:, :1]
    np.testing.assert_allclose(difference, 0, atol=2e-4)


def test_an_answer_names_class_index_confidence_and_every_probability(
    tmp_path: Path, model: Path
) -> None:
    pixels = images(1)
    path = save(tmp_path, "photo.png", pixels[0])
    (answer,) = Predictor(model).predict_files([path])
    expected = scipy.special.softmax(by_hand(pixels)[0])
    index = int(expected.argmax())
    assert answer["input"] == str(path)
    assert answer["class_index"] == index
    assert answer["class"] == CLASSES[index]
    assert answer["confidence"] == answer["probabilities"][CLASSES[index]]
    assert list(answer["probabilities"]) == list(CLASSES)
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert answer["confidence"] == pytest.approx(expected[index], abs=1e-5)


def test_softmax_keeps_its_shape_under_large_logits_and_shows_those_not_finite() -> None:
    rows = np.array([[1e30, 0, -1e30], [np.nan, 0, 0], [np.inf, 0, 0]], np.float32)
    result = softmax(rows)
    assert result[0].tolist() == [1, 0, 0]
    assert np.isnan(result[1]).all()
    assert np.isnan(result[2]).any()


def test_a_folder_is_searched_below_in_order_and_other_files_are_passed_over(
    tmp_path: Path, model: Path
) -> None:
    folder = tmp_path / "in"
    names = ["b/2.JPG", "a.png", "b/1.png", "c/deep/er.bmp"]
    for name in names:
        save(folder, name, images(1)[0])
    (folder / "labels.csv").write_text("a,b")
    save(folder, ".hidden.png", images(1)[0])
    save(folder, ".cache/thumb.png", images(1)[0])
    document = predict(Predictor(model), [folder])
    assert [row["input"] for row in document["predictions"]] == [
        str(folder / name) for name in sorted(names)
    ]
    assert document["errors"] == []


def test_an_answer_does_not_depend_on_the_images_around_it(tmp_path: Path, model: Path) -> None:
    paths = [save(tmp_path, f"{n}.png", pixels) for n, pixels in enumerate(images(6))]
    predictor = Predictor(model)
    together = predictor.predict_files(paths)
    assert together == [predictor.predict_file(path) for path in reversed(paths)][::-1]


def test_unreadable_images_are_named_and_the_others_answered(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "in"
    good = save(folder, "good.png", images(1)[0])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("not an image")
    (folder / "cut.png").write_bytes(good.read_bytes()[:60])
    os.mkfifo(tmp_path / "pipe.png")
    sources = [folder, tmp_path / "absent.png", tmp_path / "pipe.png"]
    document = predict(Predictor(model), sources)
    assert [row["input"] for row in document["predictions"]] == [str(good)]
    reasons = {Path(row["input"]).name: row["reason"] for row in document["errors"]}
    assert set(reasons) == {"empty.png", "text.jpg", "cut.png", "absent.png", "pipe.png"}
    assert reasons["empty.png"] == "the file is empty"
    assert reasons["absent.png"] == "no such file"
    assert reasons["pipe.png"] == "not a file"
    json.dumps(document, allow_nan=False)


def test_weights_that_give_nan_are_an_error_of_the_image_not_an_answer(tmp_path: Path) -> None:
    broken = save_model(tmp_path / "m.onnx", weights=np.full_like(matrix(), np.nan))
    path = save(tmp_path, "photo.png", images(1)[0])
    document = predict(Predictor(broken), [path])
    assert document["predictions"] == []
    assert "not finite" in document["errors"][0]["reason"]
    with pytest.raises(InputError, match=r"photo\.png: the model gave"):
        Predictor(broken).predict_files([path])


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no image found in .*empty"):
        image_files([tmp_path / "empty"])


@pytest.mark.parametrize("name", ["model.pt", "model.PT2", "weights.safetensors"])
def test_a_torch_file_is_refused_with_the_file_to_use_instead(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"an ONNX file is required.*seatrial export"):
        Predictor(tmp_path / name)


def test_a_model_without_our_metadata_is_refused_by_name(tmp_path: Path) -> None:
    path = save_model(tmp_path / "foreign.onnx", note=False)
    with pytest.raises(InputError, match=r"foreign\.onnx: .*seatrial export"):
        Predictor(path)


def test_a_model_with_weights_in_another_file_is_refused(tmp_path: Path, model: Path) -> None:
    split = tmp_path / "split.onnx"
    onnx.save(
        onnx.load(model), split, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    with pytest.raises(InputError, match="keeps weights in other files"):
        Predictor(split)


def test_the_file_alone_answers_in_another_folder_and_no_torch_is_imported(
    tmp_path: Path, model: Path
) -> None:
    photo = save(tmp_path, "photo.png", images(1)[0])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-c", _ALONE, str(model), str(photo)]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["heavy"] == []
    assert result["document"] == predict(Predictor(model), [photo])
