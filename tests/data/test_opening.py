"""An opened data set: the same pixels by every way, exact statistics, and honest refusals."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seatrial.data import Dataset
from seatrial.errors import ConfigurationError, InputError
from seatrial.preprocessing import load_pixels

Open = Callable[..., Dataset]
SPLITS = ("train", "val", "test")


def everything(dataset: Dataset) -> np.ndarray:
    return np.arange(len(dataset.table))


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize("budget", [1, 2048])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_what_loading_each_file_gives(
    class_folders: Path, opened: Open, budget: int, channels: int
) -> None:
    size = 200 if budget == 1 else 24
    dataset = opened(source="folder", image_size=size, channels=channels, memory_budget_mb=budget)
    assert dataset.streamed == (budget == 1)
    chosen = np.array([7, 3, 3, 59])
    pixels = dataset.pixels(chosen)
    assert pixels.shape == (4, size, size, channels)
    for index, one in zip(chosen, pixels, strict=True):
        path = dataset.source_path(int(index))
        assert path == class_folders / dataset.ids([index])[0]
        assert np.array_equal(one, load_pixels(path, dataset.spec))
        assert dataset.raw_bytes(int(index)) == path.read_bytes()


def test_an_array_source_gives_the_same_pixels_through_its_png(opened: Open) -> None:
    dataset = opened(source="digits", image_size=16)
    for index in (0, 5, 1796):
        assert dataset.source_path(index) is None
        through_file = load_pixels(dataset.raw_bytes(index), dataset.spec)
        assert np.array_equal(dataset.pixels([index])[0], through_file)


def test_no_images_are_no_pixels(class_folders: Path, opened: Open) -> None:
    for budget, size in ((2048, 20), (1, 200)):
        dataset = opened(source="folder", image_size=size, memory_budget_mb=budget)
        assert dataset.pixels([]).shape == (0, size, size, 3)
        assert dataset.labels([]).shape == (0,)


@pytest.mark.parametrize("seed", [0, 1])
def test_streaming_changes_nothing_but_where_the_pixels_are(
    class_folders: Path, opened: Open, seed: int
) -> None:
    fields = {"source": "folder", "image_size": 200, "seed": seed}
    kept, streamed = opened(**fields), opened(**fields, memory_budget_mb=1)
    assert (kept.streamed, streamed.streamed) == (False, True)
    assert kept.digest == streamed.digest
    assert kept.spec == streamed.spec
    assert np.array_equal(kept.pixels(everything(kept)), streamed.pixels(everything(kept)))


def test_memory_does_not_grow_with_a_streamed_set(
    tmp_path: Path, write_image: Callable[..., Path], opened: Open
) -> None:
    """A hundred images more, of 270 KB each once decoded, must not cost ten of them."""

    def peak(count: int) -> int:
        shutil.rmtree(tmp_path / "set", ignore_errors=True)
        for number in range(count):
            write_image(tmp_path / "set" / f"{number % 2}" / f"{number}.jpg", number, (20, 20))
        tracemalloc.start()
        try:
            dataset = opened(source="folder", image_size=300, memory_budget_mb=1)
            for index in everything(dataset):
                dataset.pixels([index])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    opened(source="digits")  # imports and caches are not the data set's
    small, large = peak(96), peak(192)
    assert large - small < 10 * 270_000


def test_a_file_that_vanishes_while_streaming_is_named(class_folders: Path, opened: Open) -> None:
    dataset = opened(source="folder", image_size=200, memory_budget_mb=1)
    (class_folders / "ant" / "0.png").unlink()
    with pytest.raises(InputError, match=r"ant/0\.png: readable when the data set was opened"):
        dataset.pixels([0])


# ---------------------------------------------------------------- statistics and digests


def test_statistics_are_those_of_the_training_pixels(class_folders: Path, opened: Open) -> None:
    dataset = opened(source="folder", image_size=[9, 14])
    train = dataset.pixels(dataset.split_indices("train")).astype(np.float64) / 255
    np.testing.assert_allclose(dataset.spec.mean, train.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(dataset.spec.std, train.std(axis=(0, 1, 2)), rtol=1e-12)


def test_configured_statistics_are_kept(class_folders: Path, opened: Open) -> None:
    dataset = opened(source="folder", mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    assert dataset.spec.mean == (0.1, 0.2, 0.3)
    assert dataset.spec.std == (0.4, 0.5, 0.6)


def test_a_constant_channel_is_not_divided_by_nothing(tmp_path: Path, opened: Open) -> None:
    for kind in range(2):
        (tmp_path / "set" / f"{kind}").mkdir(parents=True)
        for number in range(5):
            colour = (100 * kind + 10 * number, 50 * kind + number, 0)
            Image.new("RGB", (4, 4), colour).save(tmp_path / "set" / f"{kind}" / f"{number}.png")
    assert opened(source="folder").spec.std[2] == 1.0


def test_renaming_files_changes_neither_the_division_nor_the_content(
    class_folders: Path, opened: Open
) -> None:
    first = opened(source="folder")
    before = dict(zip(first.table.content, first.table.splits.tolist(), strict=True))
    for path in sorted(class_folders.rglob("*.png")):
        path.rename(path.with_name(f"z{99 - int(path.stem)}.png"))
    second = opened(source="folder")
    assert dict(zip(second.table.content, second.table.splits.tolist(), strict=True)) == before
    assert second.digest != first.digest
    for split in SPLITS:
        assert second.split_digest(split) == first.split_digest(split)


def test_a_changed_pixel_label_or_split_changes_the_digest(
    split_folders: Path, opened: Open, write_image: Callable[..., Path]
) -> None:
    seen = {opened(source="folder").digest}
    write_image(split_folders / "train" / "cat" / "0.png", 999)
    seen.add(opened(source="folder").digest)
    (split_folders / "train" / "cat" / "0.png").rename(split_folders / "train" / "dog" / "9.png")
    seen.add(opened(source="folder").digest)
    (split_folders / "train" / "dog" / "9.png").rename(split_folders / "val" / "dog" / "9.png")
    seen.add(opened(source="folder").digest)
    assert len(seen) == 4


# ---------------------------------------------------------------- splits of opened sets


@pytest.mark.parametrize("source", ["digits", "folder"])
def test_splits_are_disjoint_and_whole(class_folders: Path, opened: Open, source: str) -> None:
    dataset = opened(source=source)
    parts = [dataset.split_indices(split) for split in SPLITS]
    assert np.array_equal(np.sort(np.concatenate(parts)), everything(dataset))
    assert [len(part) for part in parts] in ([1078, 360, 359], [36, 12, 12])


def test_copies_and_near_copies_stay_together_when_dividing(
    class_folders: Path, opened: Open
) -> None:
    for number in range(10):
        original = Image.open(class_folders / "ant" / f"{number}.png")
        shutil.copy(
            class_folders / "bee" / f"{number}.png", class_folders / "bee" / f"c{number}.png"
        )
        original.save(class_folders / "ant" / f"copy{number}.bmp")  # other bytes, equal pixels
        original.resize((40, 40)).save(class_folders / "ant" / f"twin{number}.jpg", quality=95)
    dataset = opened(source="folder", image_size=20)
    split = dict(zip(dataset.table.ids, dataset.table.splits.tolist(), strict=True))
    for number in range(10):
        assert split[f"bee/{number}.png"] == split[f"bee/c{number}.png"]
        assert split[f"ant/{number}.png"] == split[f"ant/copy{number}.bmp"]
        assert split[f"ant/{number}.png"] == split[f"ant/twin{number}.jpg"]


def test_groups_of_a_manifest_never_cross(
    tmp_path: Path, opened: Open, class_folders: Path
) -> None:
    rows = ["path,label,patient"]
    for path in sorted(class_folders.rglob("*.png")):
        rows.append(f"{path.relative_to(class_folders)},{path.parent.name},p{int(path.stem) // 2}")
    (class_folders / "list.csv").write_text("\n".join(rows))
    dataset = opened(source="csv", root="set/list.csv", group_by="patient")
    homes: dict[str | None, set[int]] = {}
    for group, split in zip(dataset.table.groups or (), dataset.table.splits.tolist(), strict=True):
        homes.setdefault(group, set()).add(split)
    assert len(homes) == 10
    assert all(len(splits) == 1 for splits in homes.values())


def test_a_fraction_carves_validation_out_of_train_and_leaves_test(
    split_folders: Path, opened: Open
) -> None:
    shutil.rmtree(split_folders / "val")
    dataset = opened(source="folder", fractions={"val": 0.34})
    assert [len(dataset.split_indices(split)) for split in SPLITS] == [8, 4, 6]
    assert {name.split("/")[0] for name in dataset.ids(dataset.split_indices("test"))} == {"test"}


# ---------------------------------------------------------------- what is refused


def test_unreadable_images_are_left_out_and_named_below_the_bound(
    class_folders: Path, opened: Open
) -> None:
    (class_folders / "ant" / "0.png").write_bytes(b"")
    (class_folders / "bee" / "zz.jpg").write_text("text")
    whole = (class_folders / "cow" / "0.png").read_bytes()
    (class_folders / "cow" / "0.png").write_bytes(whole[: len(whole) // 2])
    dataset = opened(source="folder", max_unreadable_fraction=0.1)
    assert dataset.total_found == 61
    assert {one.id: one.reason.split()[0] for one in dataset.unreadable} == {
        "ant/0.png": "the", "bee/zz.jpg": "not", "cow/0.png": "image",
    }  # fmt: skip
    index = dataset.table.ids.index("ant/1.png")
    expected = load_pixels(class_folders / "ant" / "1.png", dataset.spec)
    assert np.array_equal(dataset.pixels([index])[0], expected)
    with pytest.raises(
        InputError, match=r"3 of 61 images unreadable, 4\.92% .* ant/0\.png: the file"
    ):
        opened(source="folder")


def test_absent_files_of_a_manifest_are_counted(tmp_path: Path, opened: Open) -> None:
    (tmp_path / "list.csv").write_text("path,label\na.png,x\nb.png,y\n")
    with pytest.raises(InputError, match=r"2 of 2 images unreadable.*a\.png: no such file"):
        opened(source="csv", root="list.csv", max_unreadable_fraction=1.0)


def test_images_of_several_sizes_need_a_size(
    class_folders: Path, opened: Open, write_image: Callable[..., Path]
) -> None:
    write_image(class_folders / "ant" / "big.png", 7, (30, 31))
    with pytest.raises(
        InputError, match=r"2 different sizes, 20x20 \(60\), 30x31 \(1\).*image_size"
    ):
        opened(source="folder")
    assert opened(source="folder", image_size=20).spec.height == 20


def test_one_class_only_is_refused(class_folders: Path, opened: Open) -> None:
    shutil.rmtree(class_folders / "ant")
    shutil.rmtree(class_folders / "bee")
    with pytest.raises(InputError, match="at least two classes, found one: cow"):
        opened(source="folder")


def test_classes_missing_from_splits_are_named(split_folders: Path, opened: Open) -> None:
    shutil.rmtree(split_folders / "val" / "dog")
    shutil.rmtree(split_folders / "test" / "cat")
    with pytest.raises(InputError, match="missing from a split: dog from val, cat from test"):
        opened(source="folder")


@pytest.mark.parametrize(("labels", "wrong"), [([0, 1, 5], "has 5"), ([0, 1, -1], "has -1")])
def test_labels_out_of_range_are_named(
    tmp_path: Path, opened: Open, labels: list[int], wrong: str
) -> None:
    np.savez(
        tmp_path / "set.npz",
        images=np.zeros((3, 4, 4), np.uint8),
        labels=np.array(labels),
        classes=np.array(["a", "b"]),
    )
    with pytest.raises(InputError, match=rf"out of range 0 to 1: images/00002 {wrong}"):
        opened(source="npz", root="set.npz")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "folder", "root": None}, "data.root: required for data.source folder"),
        ({"source": "torchvision", "root": "x"}, "data.dataset: required"),
        ({"source": "digits", "mean": [0.5]}, "data.mean: required 3 values"),
        ({"source": "digits", "mean": [120.0] * 3}, "data.mean: required values in"),
        ({"source": "digits", "std": [60.0] * 3, "mean": [0.1]}, "data.std: required values in"),
    ],
)
def test_a_contradictory_section_is_refused(
    opened: Open, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        opened(**fields)
    assert message in str(refused.value)


def test_every_problem_of_the_statistics_is_told_at_once(opened: Open) -> None:
    with pytest.raises(ConfigurationError) as refused:
        opened(source="digits", mean=[0.5], std=[0.5])
    assert len(refused.value.problems) == 2
