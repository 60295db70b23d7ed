"""Every source lists the same things in the same way, and refuses in one line."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from seatrial.data.sources import SOURCES
from seatrial.data.sources.interface import UNDECLARED, Listing, Request
from seatrial.data.sources.names import ordered
from seatrial.errors import ConfigurationError, InputError


def listing(source: str, root: Path | None = None, **fields: str) -> Listing:
    return SOURCES[source].listing(Request(root=root, **fields))


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("training", "validation", "testing"), ("Train", "dev", "TEST")],
)
def test_folders_of_splits_are_known_by_their_usual_names(
    split_folders: Path, names: tuple[str, str, str]
) -> None:
    for old, new in zip(("train", "val", "test"), names, strict=True):
        (split_folders / old).rename(split_folders / new)
    found = listing("folder", split_folders)
    assert found.classes == ("cat", "dog")
    assert np.bincount(found.declared).tolist() == [12, 6, 6]
    assert found.ids[0].split("/")[0] in names


def test_one_level_of_classes_declares_no_split(class_folders: Path) -> None:
    found = listing("folder", class_folders)
    assert found.classes == ("ant", "bee", "cow")
    assert set(found.declared.tolist()) == {UNDECLARED}
    assert found.ids == tuple(sorted(found.ids))


def test_a_class_may_be_called_train(class_folders: Path) -> None:
    (class_folders / "ant").rename(class_folders / "train")
    assert listing("folder", class_folders).classes == ("bee", "cow", "train")


def test_classes_named_by_numbers_are_in_the_order_of_numbers() -> None:
    assert ordered(["10", "2", "1"]) == ("1", "2", "10")
    assert ordered(["10", "2", "b"]) == ("10", "2", "b")


def test_images_in_nested_and_linked_folders_are_found_once(class_folders: Path) -> None:
    deep = class_folders / "ant" / "deep"
    deep.mkdir()
    (class_folders / "ant" / "0.png").rename(deep / "0.png")
    (deep / "loop").symlink_to(class_folders / "ant", target_is_directory=True)
    assert len(listing("folder", class_folders).ids) == 60


def test_files_without_an_image_s_suffix_are_passed_over_and_counted(class_folders: Path) -> None:
    (class_folders / "ant" / "notes.txt").write_text("x")
    (class_folders / "ant" / ".DS_Store").write_text("x")
    found = listing("folder", class_folders)
    assert len(found.ids) == 60
    assert found.notes == ("1 files without an image's suffix were passed over: ant/notes.txt.",)


def test_folders_beside_the_splits_are_named(split_folders: Path) -> None:
    (split_folders / "extra").mkdir()
    assert "extra" in listing("folder", split_folders).notes[0]


def test_a_folder_s_groups_come_from_its_paths(class_folders: Path) -> None:
    found = listing("folder", class_folders, group_by=r"/(\d)")
    assert found.groups is not None
    assert found.groups[found.ids.index("bee/13.png")] == "1"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("(", "regular expression"), ("a", "with 0"), ("(a)(b)", "with 2"), ("(zzz)", "matches none")],
)
def test_a_pattern_that_gives_no_groups_is_refused(
    class_folders: Path, pattern: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"data\.group_by") as refused:
        listing("folder", class_folders, group_by=pattern)
    assert message in str(refused.value)


def test_an_empty_class_folder_is_named(split_folders: Path) -> None:
    (split_folders / "val" / "emu").mkdir()
    with pytest.raises(InputError, match=r"no images in the class folder val/emu"):
        listing("folder", split_folders)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ([], "found no folder"),
        (["val/a", "test/a"], "required a folder train or training"),
        (["train/a", "val", "test/a"], "required a folder for each class"),
        (["train/a", "val/a", "valid/a", "test/a"], "both name the val split"),
        (["train", "test"], "required a folder for each class"),
    ],
)
def test_a_layout_that_is_no_data_set_is_refused(
    tmp_path: Path, layout: list[str], message: str
) -> None:
    root = tmp_path / "set"
    root.mkdir()
    for folder in layout:
        (root / folder).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(root / folder / "a.png")
    with pytest.raises(InputError) as refused:
        listing("folder", root)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("source", ["folder", "csv", "npz"])
def test_an_absent_root_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError, match=r"data\.root: required .* is none"):
        listing(source, tmp_path / "absent")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no names of arbitrary bytes")
def test_a_name_that_is_not_text_becomes_a_printable_id(class_folders: Path) -> None:
    image = (class_folders / "ant" / "0.png").read_bytes()
    try:
        Path(os.fsdecode(os.fsencode(class_folders / "ant") + b"/\xff.png")).write_bytes(image)
    except OSError:
        pytest.skip("this file system refuses such names")
    found = listing("folder", class_folders)
    assert all(name.encode() for name in found.ids)
    assert len(found.ids) == 61


# ---------------------------------------------------------------- CSV


def manifest(folder: Path, *lines: str) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_manifest_gives_paths_labels_splits_and_groups(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "\ufefffile,kind,part,who",
        "b.png,dog,valid,x",
        "a.png,cat,train,y",
        "c.png,cat,test,",
    )
    found = listing(
        "csv", path, path_column="file", label_column="kind", split_column="part", group_by="who"
    )
    assert found.ids == ("a.png", "b.png", "c.png")
    assert found.classes == ("cat", "dog")
    assert found.labels.tolist() == [0, 1, 0]
    assert found.declared.tolist() == [0, 1, 2]
    assert found.groups == ("y", "x", None)
    assert found.images.path(0) == tmp_path / "a.png"


def test_a_manifest_without_a_split_column_declares_none(tmp_path: Path) -> None:
    found = listing("csv", manifest(tmp_path, "path,label", "a.png,1", "b.png,2"))
    assert found.declared.tolist() == [UNDECLARED, UNDECLARED]


def test_the_order_of_rows_is_of_no_account(tmp_path: Path) -> None:
    rows = [f"{number}.png,{number % 3}" for number in range(9)]
    first = listing("csv", manifest(tmp_path, "path,label", *rows))
    second = listing("csv", manifest(tmp_path, "path,label", *rows[::-1]))
    assert (first.ids, first.labels.tolist()) == (second.ids, second.labels.tolist())


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "a.png,x"], "data.path_column names the column 'path'"),
        (["path,label"], "required at least one row"),
        ([""], "there are none"),
        (["path,label", "a.png,"], "line 2: required a label, found an empty cell"),
        (["path,label", ",x"], "line 2: required a path"),
        (["path,label", "a.png,x,y"], "line 2: required 2 cells, found more"),
        (["path,label", "a.png,x", "a.png,y"], "named more than once: a.png"),
        (["path,label", "a.png,x", "./a.png,y"], "named more than once: a.png"),
        (["path,label", "../a.png,x"], "leaves the folder"),
        (["path,label", "x/../../a.png,x"], "leaves the folder"),
        (["path,label", "/etc/passwd,x"], "leaves the folder"),
        (["path,label,split", "a.png,x,train", "b.png,x,holdout"], "found 'holdout'"),
        (["path,label,split", "a.png,x,train", "b.png,x,"], "line 3: split must be"),
        (["path,label", '"a.png,x'], "not readable as CSV"),
    ],
)
def test_a_faulty_manifest_is_refused_in_one_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        listing("csv", manifest(tmp_path, *lines))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_link_out_of_the_manifest_s_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    with pytest.raises(InputError, match="leaves the folder"):
        listing("csv", manifest(tmp_path / "in", "path,label", "link/a.png,x"))


def test_a_manifest_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("path,label\na.png,Käfer\n".encode("latin-1"))
    with pytest.raises(InputError, match="not readable as CSV in UTF-8"):
        listing("csv", path)


# ---------------------------------------------------------------- npz


def archive(folder: Path, **arrays: object) -> Path:
    path = folder / "set.npz"
    np.savez(path, **arrays)
    return path


IMAGES = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)


def test_an_archive_gives_images_labels_names_and_groups(tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        images=IMAGES,
        labels=np.array([0, 1, 0, 1, 0, 1]),
        classes=np.array(["cat", "dog"]),
        who=np.array([7, 7, 8, 8, 9, 9]),
    )
    found = listing("npz", path, group_by="who")
    assert found.classes == ("cat", "dog")
    assert found.groups == ("7", "7", "8", "8", "9", "9")
    assert np.array_equal(np.asarray(found.images.image(4)), IMAGES[4])
    assert found.images.path(4) is None


def test_an_archive_in_the_style_of_medmnist_declares_its_splits(tmp_path: Path) -> None:
    arrays = {}
    for start, split in ((0, "train"), (2, "val"), (4, "test")):
        arrays[f"{split}_images"] = IMAGES[start : start + 2, :, :, None]
        arrays[f"{split}_labels"] = np.array([[0], [1]], dtype=np.uint8)
    found = listing("npz", archive(tmp_path, **arrays))
    assert found.declared.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.labels.tolist() == [0, 1] * 3
    assert found.ids == (
        "train/00000", "train/00001", "val/00000", "val/00001", "test/00000", "test/00001",
    )  # fmt: skip
    for index in range(6):
        assert np.array_equal(np.asarray(found.images.image(index)), IMAGES[index])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES.astype(object), "labels": np.zeros(6, int)}, "Python objects"),
        ({"images": IMAGES.astype(float), "labels": np.zeros(6, int)}, "must be uint8"),
        ({"images": IMAGES[0], "labels": np.zeros(5, int)}, "must be uint8 of shape"),
        ({"images": np.zeros((6, 5, 4, 2), np.uint8), "labels": np.zeros(6, int)}, "1, 3 or 4"),
        ({"images": np.zeros((0, 5, 4), np.uint8), "labels": np.zeros(0, int)}, "shape (0, 5, 4)"),
        ({"images": IMAGES, "labels": np.zeros(5, int)}, "shape (6,), one an image"),
        ({"images": IMAGES, "labels": np.zeros((6, 14), int)}, "one an image"),
        ({"images": IMAGES, "labels": np.zeros(6)}, "whole numbers"),
        ({"images": IMAGES}, "required the array labels"),
        ({"pictures": IMAGES}, "found pictures"),
        ({"test_images": IMAGES, "test_labels": np.zeros(6, int)}, "train_images"),
        (
            {"images": IMAGES, "labels": np.zeros(6, int), "classes": np.array(["a", "a"])},
            "distinct",
        ),
    ],
)
def test_a_faulty_archive_is_refused_in_one_line(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        listing("npz", archive(tmp_path, **arrays))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    for content in (b"", b"text", b"PK\x03\x04 broken"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"set\.npz"):
            listing("npz", path)
    np.save(tmp_path / "one.npy", IMAGES)
    with pytest.raises(InputError, match="another kind of file"):
        listing("npz", tmp_path / "one.npy")


def test_an_archive_larger_than_the_memory_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path, images=IMAGES, labels=np.zeros(6, int))
    with zipfile.ZipFile(path, "a") as whole:
        info = zipfile.ZipInfo("huge.npy")
        whole.writestr(info, b"x")
        whole.getinfo("huge.npy").file_size = 10**15
    with pytest.raises(InputError, match="MB once unpacked"):
        listing("npz", path)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, images=IMAGES, labels=np.zeros(6, int))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="archive"):
        listing("npz", path)


# ---------------------------------------------------------------- digits and torchvision


def test_the_digits_keep_their_seventeen_grey_levels() -> None:
    found, digits = listing("digits"), load_digits()
    assert (len(found.ids), len(found.classes)) == (1797, 10)
    pixels = np.asarray(found.images.image(11))
    assert pixels.shape == (8, 8)
    assert np.array_equal(np.rint(pixels / (255 / 16)), digits.images[11])
    assert found.labels.tolist() == digits.target.tolist()


def idx(path: Path, values: np.ndarray) -> None:
    """A file as MNIST has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + shape + values.tobytes())


def test_a_torchvision_data_set_on_disk_is_listed_with_its_splits(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
    raw = tmp_path / "MNIST" / "raw"
    for name, part in (("train", images[:8]), ("t10k", images[8:])):
        idx(raw / f"{name}-images-idx3-ubyte", part)
        idx(raw / f"{name}-labels-idx1-ubyte", np.arange(len(part), dtype=np.uint8))
    found = listing("torchvision", tmp_path, dataset="MNIST")
    assert found.declared.tolist() == [0] * 8 + [2] * 4
    assert found.labels.tolist() == [*range(8), *range(4)]
    assert len(found.classes) == 10
    for index in range(12):
        assert np.array_equal(np.asarray(found.images.image(index)), images[index])


def test_a_torchvision_data_set_of_folders_is_listed(tmp_path: Path) -> None:
    for kind in ("Forest", "River"):
        (tmp_path / "eurosat" / "2750" / kind).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "eurosat" / "2750" / kind / "1.jpg")
    found = listing("torchvision", tmp_path, dataset="EuroSAT")
    assert found.classes == ("Forest", "River")
    assert found.labels.tolist() == [0, 1]


def test_an_absent_torchvision_data_set_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"required torchvision's CIFAR10 .* Nothing is downloaded"
    ):
        listing("torchvision", tmp_path, dataset="CIFAR10")
    assert not list(tmp_path.iterdir())


def test_an_unknown_torchvision_data_set_gets_the_nearest_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CIFAR10"):
        listing("torchvision", tmp_path, dataset="CIFAR-10")


@pytest.mark.parametrize("source", ["digits", "torchvision"])
def test_sources_without_groups_refuse_to_group(tmp_path: Path, source: str) -> None:
    with pytest.raises(ConfigurationError, match=r"data\.group_by"):
        listing(source, tmp_path, dataset="MNIST", group_by="x")


# ---------------------------------------------------------------- what images promise


@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 5, 4, 1), (3, 5, 4, 3), (3, 5, 4, 4)])
def test_an_array_s_png_shows_the_same_image(tmp_path: Path, shape: tuple[int, ...]) -> None:
    from seatrial.preprocessing import open_image

    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = listing("npz", archive(tmp_path, images=images, labels=np.arange(3)))
    content, image = found.images.read(1)
    again = open_image(found.images.raw_bytes(1))
    assert (again.mode, again.tobytes()) == (image.mode, image.tobytes())
    assert content == found.images.read(1)[0] != found.images.read(2)[0]


def test_equal_bytes_of_other_shapes_have_other_digests() -> None:
    from seatrial.data.sources.images import array_images

    wide, tall = np.zeros((1, 2, 8), np.uint8), np.zeros((1, 8, 2), np.uint8)
    assert array_images([wide]).read(0)[0] != array_images([tall]).read(0)[0]
