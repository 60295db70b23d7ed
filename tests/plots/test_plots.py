"""What holds for every picture: reproducible bytes, no traces, and any name a class may have."""

from __future__ import annotations

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from seatrial import plots
from seatrial.evidence.records import (
    CalibrationBin,
    Epoch,
    Estimate,
    FormatMeasurement,
    Latency,
)

AWKWARD = [
    "$x_{1}$",
    "$\\frac$",
    "$5_bill",
    "a\nb",
    "漢字",
    "仮名",
    "x" * 90,
    "",
    " ",
    "naïve",
    "a&<b>%",
    "\\frac",
]


def epoch(number, **metrics):
    return Epoch(
        epoch=number,
        learning_rate=0.1,
        train_loss=1 / number,
        train_acc=1 - 0.5 / number,
        metrics={"val_loss": 1.1 / number, "val_acc": 1 - 0.6 / number} | metrics,
        seconds=1.0,
        images_per_second=10.0,
    )


def bins():
    return [
        CalibrationBin(
            lower=i / 15,
            upper=(i + 1) / 15,
            count=3 * i,
            confidence=(i + 0.5) / 15 if i else None,
            accuracy=i / 16 if i else None,
            interval=(0.0, 1.0) if i else None,
        )
        for i in range(15)
    ]


def measurement():
    latency = Latency(
        batch=1, p50_ms=0.2, p95_ms=0.4, p99_ms=0.5, repetitions=5, images_per_second=5000
    )
    return FormatMeasurement(
        format="onnx",
        load_ms=1.0,
        latencies=(latency,),
        peak_memory_mb=10.0,
        gpu_memory_mb=None,
        size_mb=1.0,
        speedup=None,
    )


def pixels(height, width, channels=3):
    size = height * width * channels
    return (np.arange(size) % 251).astype(np.uint8).reshape(height, width, channels)


PICTURES = {
    "learning_curves": lambda path: plots.learning_curves(
        [epoch(i, val_f1=None if i == 2 else 0.5) for i in range(1, 6)],
        path,
        monitor="val_f1",
        best_epoch=3,
    ),
    "confusion_matrix": lambda path: plots.confusion_matrix(
        np.eye(len(AWKWARD), dtype=int).tolist(), AWKWARD, path
    ),
    "reliability_diagram": lambda path: plots.reliability_diagram(
        bins(), Estimate(value=0.1, interval=(0.05, 0.2)), path
    ),
    "image_grid": lambda path: plots.image_grid(
        [pixels(8, 8, 1), pixels(40, 10), pixels(300, 700)],
        ["\n".join(AWKWARD[:4]), "x" * 300, ""],
        path,
        columns=2,
        title="$A_title$",
    ),
    "class_balance": lambda path: plots.class_balance(
        AWKWARD, {"train": range(len(AWKWARD)), "te$t": [5] * len(AWKWARD)}, path
    ),
    "latency_comparison": lambda path: plots.latency_comparison([measurement()], path),
}
EVERY = pytest.mark.parametrize("name", PICTURES)


def test_every_public_picture_is_tested_here():
    assert set(PICTURES) == set(plots.__all__)


@EVERY
def test_the_same_figures_give_the_same_bytes_whatever_a_user_has_set(name, tmp_path):
    PICTURES[name](tmp_path / "one.png")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "savefig.dpi": 30}):
        PICTURES[name](tmp_path / "two.png")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@EVERY
def test_a_picture_names_neither_program_nor_date_and_fits_a_page(name, tmp_path):
    PICTURES[name](tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as image:
        assert set(image.info) <= {"dpi"}
        assert 200 <= image.width <= 2000 and 100 <= image.height <= 2000
        assert len(image.convert("RGB").getcolors(1 << 24)) > 20
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]


def test_importing_the_plots_loads_neither_torch_nor_matplotlib():
    code = (
        "import sys, seatrial.plots; heavy = {'torch', 'matplotlib'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_pyplot_alone(tmp_path):
    code = (
        "import sys, pathlib; from seatrial import plots;"
        "plots.class_balance(['a'], {'train': [1]}, pathlib.Path(sys.argv[1]));"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize("number", [2, 20, 21, 100])
def test_confusion_matrices_of_2_to_100_classes_can_be_drawn(number, tmp_path):
    counts = np.random.default_rng(0).integers(0, 1500, (number, number))
    names = [f"class number {i}" for i in range(number)]
    plots.confusion_matrix(counts.tolist(), names, tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as image:
        assert image.width < 2000 and 0.7 < image.width / image.height < 1.6


def test_a_class_without_images_has_an_empty_row(tmp_path):
    plots.confusion_matrix([[3, 0], [0, 0]], ["a", "b"], tmp_path / "m.png")
    assert (tmp_path / "m.png").is_file()


@pytest.mark.parametrize("count", [1, 2, 200])
def test_learning_curves_of_one_epoch_or_many_can_be_drawn(count, tmp_path):
    epochs = [epoch(i) for i in range(1, count + 1)]
    plots.learning_curves(epochs, tmp_path / "c.png", monitor="val_acc", best_epoch=count)
    assert (tmp_path / "c.png").is_file()


def test_learning_curves_go_on_where_a_metric_is_never_defined(tmp_path):
    epochs = [epoch(i, val_auc=None, val_loss=None) for i in range(1, 4)]
    plots.learning_curves(epochs, tmp_path / "c.png", monitor="val_auc", best_epoch=2)
    assert (tmp_path / "c.png").is_file()


def test_small_images_are_enlarged_without_smoothing(tmp_path):
    board = np.zeros((2, 2, 3), dtype=np.uint8)
    board[0, 0] = board[1, 1] = (255, 0, 0)
    plots.image_grid([board], [""], tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as image:
        found = image.convert("RGB").getcolors(1 << 24)
    counts = {colour: count for count, colour in found}
    blended = sum(counts.values()) - sum(
        counts[colour] for colour in ((255, 0, 0), (0, 0, 0), (255, 255, 255))
    )
    assert counts[255, 0, 0] == pytest.approx(counts[0, 0, 0], rel=0.05)
    assert counts[255, 0, 0] > 10_000 and blended < 3_000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: plots.learning_curves([], p, monitor="val_acc", best_epoch=1), "one epoch"),
        (lambda p: plots.confusion_matrix([[1, 2]], ["a", "b"], p), "a row a class"),
        (lambda p: plots.image_grid([], [], p), "at least one image"),
        (lambda p: plots.image_grid([pixels(2, 2)], [], p), "1 images and 0 captions"),
        (lambda p: plots.image_grid([pixels(2, 2)[0]], ["a"], p), "H, W, 1 or 3"),
        (lambda p: plots.class_balance(["a"], {"train": [1, 2]}, p), "not so: .'train'"),
        (lambda p: plots.class_balance([], {}, p), "required 0 counts"),
        (lambda p: plots.latency_comparison([measurement()], p, batch=9), "batch 9, found none"),
    ],
)
def test_figures_that_make_no_picture_are_refused_and_leave_no_file(call, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []
