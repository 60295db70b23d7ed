"""The data report: what it counts, what it finds across splits, and the files it leaves."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seatrial.data import Dataset, describe
from seatrial.data import description as module
from seatrial.evidence.records import DataRecord
from seatrial.files import sha256_file

Open = Callable[..., Dataset]


@pytest.fixture
def report(tmp_path: Path, opened: Open) -> Callable[..., DataRecord]:
    """Open ``tmp_path / 'set'`` as folders, and describe it into ``tmp_path / 'out'``."""

    def make(**fields: object) -> DataRecord:
        (tmp_path / "out").mkdir(exist_ok=True)
        return describe(opened(**{"source": "folder", **fields}), tmp_path / "out")

    return make


def test_the_report_counts_what_is_there(
    tmp_path: Path, split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    Image.new("L", (7, 5), 90).save(split_folders / "train" / "cat" / "grey.png")
    record = report(image_size=[20, 24], card={"source": "drawn"})
    assert record.classes == ("cat", "dog")
    assert [(s.split, s.total, s.per_class) for s in record.splits] == [
        ("train", 13, (7, 6)), ("val", 6, (3, 3)), ("test", 6, (3, 3)),
    ]  # fmt: skip
    assert record.modes == {"RGB": 24, "L": 1}
    assert record.sizes == {"20x20": 24, "7x5": 1}
    assert (record.width_range, record.height_range) == ((7, 20), (5, 20))
    assert (record.preprocessing.height, record.preprocessing.width) == (20, 24)
    assert record.card.source == "drawn"
    assert record.card.licence == "not stated"
    assert record.split_method == "as the source declares"
    assert record.leakage_total == record.duplicates_within_total == 0
    assert record.seconds > 0
    for name in record.plots:
        assert Image.open(tmp_path / "out" / name).format == "PNG"


def test_rare_sizes_are_summed_up(
    split_folders: Path, report: Callable[..., DataRecord], write_image: Callable[..., Path]
) -> None:
    for number in range(25):
        write_image(split_folders / "train" / "cat" / f"s{number}.png", number, (30 + number, 30))
    record = report(image_size=20)
    assert len(record.sizes) == 21
    assert sum(record.sizes.values()) == 49
    assert record.sizes["other"] == 6


def test_splits_json_says_who_is_where_one_image_a_line(
    tmp_path: Path, class_folders: Path, opened: Open
) -> None:
    dataset = opened(source="folder", seed=5)
    module.write_splits(dataset, tmp_path / "splits.json")
    text = (tmp_path / "splits.json").read_text()
    found = json.loads(text)
    assert (found["seed"], found["digest"]) == (5, dataset.digest)
    assert found["method"] == dataset.split_method
    assert [image["id"] for image in found["images"]] == sorted(dataset.table.ids)
    assert Counter(image["split"] for image in found["images"]) == {
        "train": 36, "val": 12, "test": 12,
    }  # fmt: skip
    for image in found["images"][::7]:
        assert image["sha256"] == sha256_file(class_folders / image["id"])
        assert image["label"] == image["id"].split("/")[0]
    assert len(text.splitlines()) == 62


def test_one_image_more_changes_few_lines_of_splits_json(
    tmp_path: Path, split_folders: Path, opened: Open, write_image: Callable[..., Path]
) -> None:
    texts = []
    for _ in range(2):
        module.write_splits(opened(source="folder"), tmp_path / "splits.json")
        texts.append((tmp_path / "splits.json").read_text().splitlines())
        write_image(split_folders / "train" / "cat" / "3b.png", 77)
    assert len(set(texts[1]) - set(texts[0])) == 2  # the digest's line, and its own


# ---------------------------------------------------------------- leakage


def pair_names(pairs: tuple[object, ...]) -> set[tuple[str, str, str]]:
    return {(pair.kind, pair.first, pair.second) for pair in pairs}  # type: ignore[attr-defined]


def test_exact_copies_are_found_across_and_within_splits_by_pixels(
    tmp_path: Path, split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    train, test = split_folders / "train" / "cat", split_folders / "test" / "cat"
    shutil.copy(train / "0.png", test / "stolen.png")
    Image.open(train / "1.png").save(test / "other_bytes.bmp")
    shutil.copy(train / "2.png", train / "again.png")
    shutil.copy(train / "2.png", train / "thrice.png")
    record = report()
    assert pair_names(record.leakage) == {
        ("exact", "train/cat/0.png", "test/cat/stolen.png"),
        ("exact", "train/cat/1.png", "test/cat/other_bytes.bmp"),
    }
    assert pair_names(record.duplicates_within) == {
        ("exact", "train/cat/2.png", "train/cat/again.png"),
        ("exact", "train/cat/2.png", "train/cat/thrice.png"),
    }
    assert record.conflicting_labels == ()
    assert {"leakage.png", "duplicates.png"} <= set(record.plots)
    assert any("2 pairs" in warning and "two splits" in warning for warning in record.warnings)


def test_every_leaked_image_is_named_however_many_copies_there_are(
    split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    original = split_folders / "train" / "cat" / "0.png"
    for split in ("train", "val", "test"):
        for number in range(3):
            shutil.copy(original, split_folders / split / "cat" / f"copy{number}.png")
    record = report()
    leaked = {pair.second for pair in record.leakage}
    assert leaked == {f"{split}/cat/copy{n}.png" for split in ("val", "test") for n in range(3)}
    assert record.duplicates_within_total == 3


def test_near_copies_across_splits_are_found_and_drawn(
    tmp_path: Path, split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    original = Image.open(split_folders / "train" / "dog" / "3.png")
    original.resize((60, 60), Image.Resampling.BICUBIC).save(
        split_folders / "val" / "dog" / "enlarged.jpg", quality=80
    )
    record = report(image_size=20)
    assert pair_names(record.leakage) == {("near", "train/dog/3.png", "val/dog/enlarged.jpg")}
    assert record.leakage[0].distance <= 8
    assert report(image_size=20, near_duplicate_bits=None).leakage == ()


def test_one_image_under_two_labels_is_found(
    split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    shutil.copy(
        split_folders / "train" / "cat" / "0.png", split_folders / "train" / "dog" / "x.png"
    )
    record = report()
    assert pair_names(record.conflicting_labels) == {
        ("exact", "train/cat/0.png", "train/dog/x.png")
    }
    pair = record.conflicting_labels[0]
    assert (pair.first_label, pair.second_label) == ("cat", "dog")
    assert "conflicting_labels.png" in record.plots


def test_groups_that_cross_splits_are_named(
    split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    record = report(group_by=r"cat/(\d)")
    assert record.groups_crossing == ("0", "1", "2")


def test_a_long_list_is_cut_and_counted(
    split_folders: Path, report: Callable[..., DataRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 2)
    for number in range(5):
        source = split_folders / "train" / "cat" / f"{number}.png"
        shutil.copy(source, split_folders / "test" / "cat" / f"s{number}.png")
    record = report()
    assert (len(record.leakage), record.leakage_total) == (2, 5)
    assert any("the record lists 2" in warning for warning in record.warnings)


def test_small_images_are_compared_exactly_and_the_report_says_so(
    tmp_path: Path, opened: Open
) -> None:
    (tmp_path / "out").mkdir()
    record = describe(opened(source="digits"), tmp_path / "out")
    assert "all images are under 16 pixels on a side" in record.duplicate_method
    assert record.leakage == ()
    assert record.warnings == ()
    assert [split.total for split in record.splits] == [1078, 360, 359]


def test_images_of_one_colour_are_not_called_near_copies(
    split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    for number, split in enumerate(("train", "val", "test")):
        colour = (10 + number, 20, 30)
        Image.new("RGB", (20, 20), colour).save(split_folders / split / "cat" / "flat.png")
    record = report()
    assert record.leakage == ()
    assert "3 images of nearly one colour by equal pixels only" in record.duplicate_method


# ---------------------------------------------------------------- warnings


def test_warnings_name_imbalance_few_images_and_enlarging(
    split_folders: Path, report: Callable[..., DataRecord], write_image: Callable[..., Path]
) -> None:
    for number in range(60):
        write_image(split_folders / "train" / "cat" / f"m{number}.png", 500 + number)
    warnings = "\n".join(report(image_size=32).warnings)
    assert "66 of cat, 6 of dog" in warnings
    assert "Fewer than 10 test images" in warnings
    assert "84 images are smaller than the model's input of 32x32" in warnings


def test_unreadable_images_are_in_the_record_and_its_warnings(
    split_folders: Path, report: Callable[..., DataRecord]
) -> None:
    (split_folders / "train" / "cat" / "0.png").write_bytes(b"")
    record = report(max_unreadable_fraction=0.5)
    assert [(one.id, one.reason) for one in record.unreadable] == [
        ("train/cat/0.png", "the file is empty")
    ]
    assert record.total_found == 24
    assert any("1 of 24 images are unreadable" in warning for warning in record.warnings)


def test_describing_twice_gives_the_same_bytes(
    tmp_path: Path, class_folders: Path, opened: Open
) -> None:
    outputs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        record = describe(opened(source="folder"), tmp_path / name)
        files = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        outputs.append((record.model_copy(update={"seconds": 0.0}), files))
    assert outputs[0] == outputs[1]
    assert np.isfinite(record.preprocessing.mean).all()
