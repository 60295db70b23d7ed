"""A damaged checkpoint is noticed before it is loaded, and training goes on from a whole one."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from reliability.counting import full, report
from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.errors import InputError
from seatrial.evidence.records import TrainRecord
from seatrial.training import Interrupted, load_model, train
from seatrial.training.checkpoints import BEST, FORMAT_VERSION, LAST, flaw, read
from seatrial.training.state import same

STEPS_AN_EPOCH = 6


def saved(**more: Any) -> bytes:
    stream = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION, "w": torch.arange(12.0), **more}, stream)
    return stream.getvalue()


def answer(path: Path) -> dict[str, Any] | None:
    """The content; None where it was refused, in one line that names the file."""
    try:
        return read(path)
    except InputError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
        return None


def test_no_flipped_bit_is_loaded(tmp_path: Path) -> None:
    """Each is refused, or changes nothing that is loaded; torch alone loads many of them."""
    whole, path = saved(), tmp_path / "a.pt"
    expected = torch.load(io.BytesIO(whole), weights_only=True)
    places = [(byte, bit) for byte in range(len(whole)) for bit in range(8)]
    if not full():
        places = random.Random(0).sample(places, 400)
    refused = loaded_by_torch = 0
    for byte, bit in places:
        flipped = bytearray(whole)
        flipped[byte] ^= 1 << bit
        path.write_bytes(flipped)
        found = answer(path)
        refused += found is None
        assert found is None or same(found, expected), (byte, bit)
        loaded_by_torch += _loads_wrong(bytes(flipped), expected)
    assert loaded_by_torch > 0, "torch checks them itself by now"
    report(
        "flipped bits of a checkpoint",
        flipped=len(places), refused=refused, harmless=len(places) - refused,
        loaded_wrong_by_torch_alone=loaded_by_torch, loaded_wrong=0,
    )  # fmt: skip


def _loads_wrong(content: bytes, expected: dict[str, Any]) -> bool:
    try:
        return not same(torch.load(io.BytesIO(content), weights_only=True), expected)
    except Exception:
        return False


def test_no_truncated_checkpoint_is_loaded(tmp_path: Path) -> None:
    whole, path = saved(), tmp_path / "a.pt"
    for length in range(0, len(whole), 1 if full() else 29):
        path.write_bytes(whole[:length])
        assert answer(path) is None
        assert flaw(path)


def test_an_archive_that_unpacks_to_more_than_it_is_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(50_000_000))
    with pytest.raises(InputError, match=r"not an archive of torch\.save"):
        read(tmp_path / "a.pt")


def test_a_whole_checkpoint_has_no_flaw_and_a_missing_one_has(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(saved())
    assert flaw(tmp_path / "a.pt") is None
    assert flaw(tmp_path / "b.pt") == "No such file or directory"


def test_what_a_manifest_says_otherwise_of_is_not_loaded(tmp_path: Path) -> None:
    """Also where the file is whole: it is another one."""
    path = tmp_path / "a.pt"
    path.write_bytes(saved())
    known = sha256(path.read_bytes()).hexdigest()
    assert read(path, sha256=known)["format_version"] == FORMAT_VERSION
    path.write_bytes(saved(other=1))
    with pytest.raises(InputError, match=f"{known[:12]} required"):
        read(path, sha256=known)


def test_a_model_is_not_built_from_another_file_than_the_manifests(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    config = configure(training={"epochs": 1})
    record = train(
        config, dataset, tmp_path, project=project, carried=None, emit=lambda _: None
    )  # fmt: skip
    best = next(one for one in record.checkpoints if one.role == "best")
    path = tmp_path / best.path
    load_model(config, path, num_classes=10, project=project, sha256=best.sha256)
    with pytest.raises(InputError, match="changed since its manifest was written"):
        load_model(config, path, num_classes=10, project=project, sha256="0" * 64)


# ------------------------------------------------------------ going on from damaged attempts


def stop_after(steps: int) -> Callable[[], bool]:
    calls = iter(range(1, 10_000))
    return lambda: next(calls) == steps


def damage(path: Path) -> None:
    """Flip a bit in the middle: in a tensor, most likely. A link to the file is not touched."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


@pytest.fixture(scope="module")
def config(configure: Any) -> Config:
    found: Config = configure(
        model={"dropout": 0.3},
        training={"epochs": 3},
        early_stopping={"metric": "val_acc", "enabled": False},
        checkpointing={"checkpoint_every_n_epochs": 1},
    )
    return found


@pytest.fixture(scope="module")
def whole(
    config: Config, dataset: Dataset, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The output of a training without interruption."""
    output = tmp_path_factory.mktemp("whole")
    train(config, dataset, output, project=project, carried=None, emit=lambda _: None)
    return output


@pytest.fixture
def attempt(config: Config, dataset: Dataset, project: Path, tmp_path: Path) -> Path:
    """One that was stopped in epoch 3, and kept those of epochs 1 and 2."""
    output = tmp_path / "attempt"
    with pytest.raises(Interrupted):
        train(
            config, dataset, output, project=project, carried=None, emit=lambda _: None,
            stop=stop_after(2 * STEPS_AN_EPOCH + 3),
        )  # fmt: skip
    return output


def go_on(
    config: Config, dataset: Dataset, project: Path, attempt: Path
) -> tuple[Path, TrainRecord, list[str]]:
    output, said = attempt.parent / "next", []

    def emit(event: dict[str, object]) -> None:
        if event["event"] == "note":
            said.append(str(event["message"]))

    record = train(config, dataset, output, project=project, carried=attempt, emit=emit)
    return output, record, said


def assert_same_training(output: Path, whole: Path) -> None:
    names = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert sorted(path.name for path in (output / "checkpoints").iterdir()) == names
    for name in names:
        found, expected = read(output / "checkpoints" / name), read(whole / "checkpoints" / name)
        for key in ("model_state_dict", "optimizer_state_dict", "random_states", "epoch", "step",
                    "scheduler_state_dict", "early_stopping_state_dict"):  # fmt: skip
            assert same(found[key], expected[key]), (name, key)


EPOCH_1, EPOCH_2 = "epoch_1.pt", "epoch_2.pt"
STAND_INS = {
    "the last": ((LAST,), 3),
    "the last and the newest epoch's": ((LAST, EPOCH_2), 2),
    "an epoch's that lies behind the last": ((EPOCH_2,), 2),
    "the last, cut short": ((f"{LAST} cut",), 3),
}


@pytest.mark.parametrize("which", list(STAND_INS))
def test_training_goes_on_from_the_checkpoint_before_the_damaged_one(
    config: Config, dataset: Dataset, project: Path, attempt: Path, whole: Path, which: str
) -> None:
    names, epoch = STAND_INS[which]
    for name in names:
        path = attempt / "checkpoints" / name.removesuffix(" cut")
        if name.endswith("cut"):
            path.write_bytes(path.read_bytes()[:-100])
        else:
            damage(path)
    output, record, said = go_on(config, dataset, project, attempt)
    assert record.resumed_at_epochs == (epoch,)
    assert_same_training(output, whole)
    (note,) = said
    assert all(name.removesuffix(" cut") in note for name in names)
    assert note in (output / "training.log").read_text()


@pytest.mark.parametrize("how", ["damaged", "missing"])
def test_a_lost_best_is_made_again_or_taken_from_its_epoch(
    config: Config, dataset: Dataset, project: Path, attempt: Path, whole: Path, how: str
) -> None:
    best = attempt / "checkpoints" / BEST
    damage(best) if how == "damaged" else best.unlink()
    output, _, said = go_on(config, dataset, project, attempt)
    assert_same_training(output, whole)
    assert BEST in said[0]


def test_where_nothing_can_stand_in_the_user_is_told_and_nothing_is_trained(
    config: Config, dataset: Dataset, project: Path, attempt: Path
) -> None:
    for path in (attempt / "checkpoints").glob("*.pt"):
        damage(path)
    with pytest.raises(InputError, match="no other checkpoint there can stand in") as caught:
        go_on(config, dataset, project, attempt)
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in (LAST, BEST, EPOCH_1, EPOCH_2))


def test_without_damage_nothing_is_said(
    config: Config, dataset: Dataset, project: Path, attempt: Path, whole: Path
) -> None:
    output, record, said = go_on(config, dataset, project, attempt)
    assert said == []
    assert record.resumed_at_epochs == (3,)
    assert_same_training(output, whole)
