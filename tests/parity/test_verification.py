"""Verification passes what is right and names what is not: a changed file, another model's
weights, other preprocessing, a crash."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from torch import nn

from digits_release import Digits, Release, network, release, train
from seatrial.errors import InputError
from seatrial.evidence.records import ExportRecord, FormatVerification, VerificationRecord
from seatrial.files import sha256_file
from seatrial.parity import verify

Logits = npt.NDArray[np.float32]


def run(
    record: ExportRecord, folder: Path, dataset: Digits, logits: Logits, output: Path
) -> VerificationRecord:
    return verify(
        record,
        folder,
        dataset,
        reference_logits=logits,
        test_indices=dataset.split_indices("test"),
        bound=0.005,
        threads=1,
        output=output,
        emit=lambda _event: None,
    )


def only(record: VerificationRecord) -> FormatVerification:
    (one,) = record.formats
    return one


def altered(
    made: Release, folder: Path, change: Callable[[Path], None], *, sign: bool = True
) -> ExportRecord:
    """A copy of a release whose ONNX file was changed, its digest in the record too if ``sign``."""
    shutil.copytree(made.folder, folder)
    path = folder / "production_model.onnx"
    change(path)
    artifacts = [
        one.model_copy(update={"sha256": sha256_file(path)}) if sign else one
        for one in made.record.artifacts
        if one.format == "onnx"
    ]
    return made.record.model_copy(update={"artifacts": tuple(artifacts)})


def with_metadata(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Changes the metadata in an ONNX file and beside it."""

    def apply(path: Path) -> None:
        import onnx

        model = onnx.load(path)
        (entry,) = model.metadata_props
        metadata = json.loads(entry.value)
        change(metadata)
        entry.value = json.dumps(metadata)
        onnx.save(model, path)
        path.with_name(path.name + ".json").write_text(json.dumps(metadata))

    return apply


def test_every_format_of_the_model_itself_passes(
    every_format: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    record = run(every_format.record, every_format.folder, dataset, logits, tmp_path / "verify")
    assert [one.format for one in record.formats] == [
        "onnx",
        "onnx_fp16",
        "torchscript",
        "torch_export",
        "onnx_int8",
    ]
    labels = dataset.labels(dataset.split_indices("test"))
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    for one in record.formats:
        assert one.passed, one.reason
        assert one.n == 300
        assert one.reference_accuracy == pytest.approx(accuracy)
        assert (one.golden_n, one.golden_agree, one.golden_max_difference) == (16, 16, 0.0)
        assert set(one.batch_differences) == {"1", "2", "7", "32"}
        assert one.accuracy is not None
        assert one.accuracy.interval is not None
    assert all(record.formats[n].max_logit_difference < 1e-4 for n in (0, 2, 3))  # type: ignore[operator]
    assert record.formats[4].max_logit_difference > 1e-3  # type: ignore[operator]
    assert list((tmp_path / "verify").iterdir()) == []


def test_an_export_with_softmax_inside_is_compared_by_log_probabilities(
    model: nn.Module, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    made = release(model, dataset, tmp_path / "made", embed=True, formats=("onnx",))
    one = only(run(made.record, made.folder, dataset, logits, tmp_path / "verify"))
    assert one.passed, one.reason
    assert one.max_logit_difference is not None
    assert 0 < one.max_logit_difference < 1e-3


def test_a_file_changed_by_one_bit_is_named_and_not_loaded(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    def flip_a_bit(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    record = altered(onnx_only, tmp_path / "changed", flip_a_bit, sign=False)
    one = only(run(record, tmp_path / "changed", dataset, logits, tmp_path / "verify"))
    assert not one.passed
    assert one.accuracy is None
    assert "SHA-256" in (one.reason or "")


def test_a_file_cut_short_fails_in_one_line(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    def cut(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:5000])

    record = altered(onnx_only, tmp_path / "cut", cut)
    one = only(run(record, tmp_path / "cut", dataset, logits, tmp_path / "verify"))
    assert not one.passed
    assert "production_model.onnx" in (one.reason or "")
    assert "\n" not in (one.reason or "")


def test_weights_of_another_training_fail_by_their_flips(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    other = train(network(), dataset, epochs=6, seed=5)
    swapped = release(other, dataset, tmp_path / "swapped", formats=("onnx",))
    one = only(run(swapped.record, swapped.folder, dataset, logits, tmp_path / "verify"))
    assert not one.passed
    assert one.flips_beyond_ties
    assert "flip beyond ties" in (one.reason or "")
    names = set(dataset.ids(dataset.split_indices("test")))
    assert {flip.id for flip in one.flips} <= names


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [0.0], "std": [1.0]},
        {"mean": [0.5]},
    ],
)
def test_normalisation_that_is_not_the_trainings_fails_on_golden_images(
    onnx_only: Release,
    dataset: Digits,
    logits: Logits,
    tmp_path: Path,
    change: dict[str, object],
) -> None:
    apply = with_metadata(lambda metadata: metadata["preprocessing"].update(change))
    record = altered(onnx_only, tmp_path / "wrong", apply)
    one = only(run(record, tmp_path / "wrong", dataset, logits, tmp_path / "verify"))
    assert not one.passed
    assert "golden images" in (one.reason or "")
    assert one.flips == ()


def test_images_trained_on_other_pixels_than_their_files_give_fail_on_golden_images(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    """As where training resizes with one library and serving with another."""

    class Brighter(Digits):
        def raw_bytes(self, index: int) -> bytes:
            return Digits(255 - self.images // 2, self.targets, self.spec).raw_bytes(index)

    other = Brighter(dataset.images, dataset.targets, dataset.spec)
    one = only(run(onnx_only.record, onnx_only.folder, other, logits, tmp_path / "verify"))
    assert not one.passed
    assert "golden images" in (one.reason or "")


def test_embedded_normalisation_that_is_wrong_fails_on_accuracy(
    model: nn.Module, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    spec = dataset.spec.model_copy(update={"mean": (0.9,), "std": (0.1,)})
    made = release(
        model, replace(dataset, spec=spec), tmp_path / "made", embed=True, formats=("onnx",)
    )
    one = only(run(made.record, made.folder, dataset, logits, tmp_path / "verify"))
    assert not one.passed
    assert "points of accuracy" in (one.reason or "")


def test_metadata_beside_the_file_that_differs_from_that_inside_fails(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    def rename(path: Path) -> None:
        beside = path.with_name(path.name + ".json")
        metadata = json.loads(beside.read_text())
        beside.write_text(json.dumps(metadata | {"name": "another"}))

    record = altered(onnx_only, tmp_path / "beside", rename)
    one = only(run(record, tmp_path / "beside", dataset, logits, tmp_path / "verify"))
    assert "inside and beside" in (one.reason or "")


def test_a_process_that_crashes_is_named_and_the_others_are_verified(
    every_format: Release,
    dataset: Digits,
    logits: Logits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The interpreter is a script that ends itself with a signal where it is given fp16."""
    script = tmp_path / "interpreter"
    script.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "if sys.argv[-1].endswith('onnx_fp16'):\n"
        f"    os.kill(os.getpid(), {int(signal.SIGSEGV)})\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])\n"
    )
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    kept = tuple(
        one for one in every_format.record.artifacts if one.format in ("onnx", "onnx_fp16")
    )
    record = every_format.record.model_copy(update={"artifacts": kept})
    good, crashed = run(record, every_format.folder, dataset, logits, tmp_path / "verify").formats
    assert good.passed
    assert not crashed.passed
    assert "SIGSEGV" in (crashed.reason or "")


def test_what_was_not_exported_fails_and_what_was_rejected_is_left_out(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    (good,) = onnx_only.record.artifacts
    gone = good.model_copy(
        update={"path": None, "sha256": None, "status": "failed", "reason": "no operator"}
    )
    rejected = gone.model_copy(update={"status": "rejected", "format": "onnx_int8"})
    record = onnx_only.record.model_copy(update={"artifacts": (gone, rejected)})
    one = only(run(record, onnx_only.folder, dataset, logits, tmp_path / "verify"))
    assert not one.passed
    assert one.reason == "not exported: no operator"


def test_logits_for_another_number_of_images_are_refused(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="299 given for 300"):
        run(onnx_only.record, onnx_only.folder, dataset, logits[1:], tmp_path)


def test_fewer_test_images_than_a_batch_are_verified_too(
    onnx_only: Release, dataset: Digits, logits: Logits, tmp_path: Path
) -> None:
    few = replace(dataset, sizes=(1000, 300, 3))
    one = only(run(onnx_only.record, onnx_only.folder, few, logits[:3], tmp_path / "verify"))
    assert one.passed, one.reason
    assert (one.n, one.golden_n, one.golden_agree) == (3, 3, 3)


def test_the_current_folder_cannot_stand_in_for_a_library(
    onnx_only: Release,
    dataset: Digits,
    logits: Logits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    one = only(run(onnx_only.record, onnx_only.folder, dataset, logits, Path("verify")))
    assert one.passed, one.reason
    assert os.listdir("verify") == []  # noqa: PTH208


def test_torch_is_not_imported_to_verify_onnx() -> None:
    code = "import sys, seatrial.parity.child; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
