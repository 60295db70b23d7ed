"""Every exported file is measured in processes of its own, and what cannot be measured says why."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seatrial import benchmark, files
from seatrial.benchmark import child
from seatrial.config.schema import Benchmark
from seatrial.errors import InputError
from seatrial.evidence.records import (
    Artifact,
    BenchmarkRecord,
    ExportRecord,
    Format,
    FormatMeasurement,
)
from tiny_onnx import HEIGHT, WIDTH, metadata, save_model

SETTINGS = Benchmark(repetitions=12, processes=2, batch_sizes=(1, 4), threads=1)


def artifact(name: Format, path: Path) -> Artifact:
    return Artifact(
        format=name,
        path=path.name,
        size_bytes=path.stat().st_size,
        sha256=files.sha256_file(path),
        status="exported",
        seconds=0.1,
    )


def exported(*artifacts: Artifact) -> ExportRecord:
    return ExportRecord(
        input_shape=(3, HEIGHT, WIDTH),
        classes=("ant", "bee", "cat"),
        embedded_preprocessing=False,
        artifacts=artifacts,
        trials=(),
        n_calibration=0,
        n_search=0,
        fp32_val_acc=None,
        quantization_summary="not asked for",
        seconds=0.1,
    )


def with_sidecar(path: Path) -> Path:
    path.with_name(f"{path.name}.json").write_text(metadata().model_dump_json())
    return path


def measure(
    record: ExportRecord, folder: Path, events: list[dict[str, object]] | None = None
) -> BenchmarkRecord:
    shape = (3, HEIGHT, WIDTH, 3)
    return benchmark.measure(
        record,
        folder,
        sample_pixels=np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8),
        settings=SETTINGS,
        output=folder / "out",
        emit=(events if events is not None else []).append,
    )


def by_format(record: BenchmarkRecord) -> dict[str, FormatMeasurement]:
    return {part.format: part for part in record.formats}


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    return with_sidecar(save_model(tmp_path / "model.onnx"))


@pytest.fixture(scope="module")
def all_formats(tmp_path_factory: pytest.TempPathFactory) -> tuple[BenchmarkRecord, Path, list]:
    """ONNX twice, TorchScript and torch.export of one small network, measured together."""
    folder = tmp_path_factory.mktemp("formats")
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(HEIGHT * WIDTH * 3, 3)).eval()
    example = torch.zeros(2, 3, HEIGHT, WIDTH)
    paths = {
        "onnx": save_model(folder / "model.onnx"),
        "onnx_int8": save_model(folder / "again.onnx"),
        "torchscript": folder / "model.pt",
        "torch_export": folder / "model.pt2",
    }
    with torch.no_grad():
        torch.jit.trace(network, example).save(str(paths["torchscript"]))
    batch = torch.export.Dim("batch_size")
    program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
    torch.export.save(program, paths["torch_export"])
    for path in paths.values():
        with_sidecar(path)
    events: list[dict[str, object]] = []
    record = measure(exported(*(artifact(n, p) for n, p in paths.items())), folder, events)
    return record, folder, events


def test_every_format_is_measured_in_full(
    all_formats: tuple[BenchmarkRecord, Path, list],
) -> None:
    record, folder, _ = all_formats
    assert [part.format for part in record.formats] == [
        "onnx",
        "onnx_int8",
        "torchscript",
        "torch_export",
    ]
    for part in record.formats:
        assert part.error is None
        assert part.load_ms > 0
        assert part.import_ms > 0
        assert part.gpu_memory_mb is None or record.gpu
        assert [latency.batch for latency in part.latencies] == [1, 4]
        for latency in part.latencies:
            assert 0 < latency.p50_ms <= latency.p95_ms <= latency.p99_ms
            assert latency.repetitions == 12 * part.processes
    sizes = {p.name: p.stat().st_size for p in folder.iterdir() if p.is_file()}
    assert by_format(record)["torchscript"].size_mb == sizes["model.pt"] / 1e6
    assert BenchmarkRecord.model_validate_json(record.model_dump_json()) == record


def test_a_process_with_torch_shows_in_memory_and_versions(
    all_formats: tuple[BenchmarkRecord, Path, list],
) -> None:
    record, _, _ = all_formats
    parts = by_format(record)
    assert parts["torchscript"].peak_memory_mb > parts["onnx"].peak_memory_mb + 50
    assert parts["onnx"].peak_memory_mb > 20
    assert record.versions["torch"] == importlib.metadata.version("torch")
    assert {"python", "numpy", "onnxruntime"} <= set(record.versions)
    assert record.threads == 1


def test_formats_take_turns_and_those_with_torch_have_one_process(
    all_formats: tuple[BenchmarkRecord, Path, list],
) -> None:
    record, _, events = all_formats
    assert [event["format"] for event in events] == [
        "onnx",
        "onnx_int8",
        "torchscript",
        "torch_export",
        "onnx",
        "onnx_int8",
    ]
    assert {part.format: part.processes for part in record.formats} == {
        "onnx": 2,
        "onnx_int8": 2,
        "torchscript": 1,
        "torch_export": 1,
    }


def test_the_figures_follow_from_the_calls_that_were_kept(
    all_formats: tuple[BenchmarkRecord, Path, list],
) -> None:
    record, folder, _ = all_formats
    kept = json.loads((folder / "out" / "processes.json").read_text())
    medians = {}
    for part in record.formats:
        reports = kept[part.format]
        for latency in part.latencies:
            taken = np.concatenate([r["latencies_ms"][str(latency.batch)] for r in reports])
            assert latency.p95_ms == pytest.approx(np.quantile(taken, 0.95))
            assert latency.images_per_second == pytest.approx(
                latency.batch * len(taken) / taken.sum() * 1e3
            )
        assert part.load_ms == pytest.approx(np.median([r["load_ms"] for r in reports]))
        medians[part.format] = part.latencies[0].p50_ms
    for part in record.formats:
        assert part.speedup == pytest.approx(medians["onnx"] / medians[part.format])


def test_a_file_that_cannot_be_measured_is_a_named_error_and_the_others_are_measured(
    tmp_path: Path, onnx_file: Path
) -> None:
    garbage = with_sidecar(tmp_path / "garbage.onnx")
    garbage.write_bytes(b"not a model")
    changed = with_sidecar(save_model(tmp_path / "changed.onnx"))
    changed_artifact = artifact("onnx_int8", changed)
    changed.write_bytes(changed.read_bytes() + b"\0")
    record = measure(
        exported(artifact("onnx", onnx_file), artifact("onnx_fp16", garbage), changed_artifact),
        tmp_path,
    )
    parts = by_format(record)
    assert parts["onnx"].error is None
    assert "garbage.onnx: not an ONNX model" in parts["onnx_fp16"].error
    assert "changed since it was exported" in parts["onnx_int8"].error
    assert parts["onnx_fp16"].error.startswith("garbage.onnx")
    assert "\n" not in parts["onnx_fp16"].error
    for name in ("onnx_fp16", "onnx_int8"):
        assert (parts[name].load_ms, parts[name].peak_memory_mb) == (None, None)
        assert parts[name].latencies == ()
        assert parts[name].speedup is None


def test_formats_that_were_not_exported_are_left_out(tmp_path: Path, onnx_file: Path) -> None:
    failed = Artifact(
        format="onnx_int8",
        path=None,
        size_bytes=None,
        sha256=None,
        status="rejected",
        reason="not good enough",
        seconds=0.1,
    )
    record = measure(exported(artifact("onnx", onnx_file), failed), tmp_path)
    assert list(by_format(record)) == ["onnx"]


def test_no_images_is_refused(tmp_path: Path, onnx_file: Path) -> None:
    with pytest.raises(InputError, match="at least one image"):
        benchmark.measure(
            exported(artifact("onnx", onnx_file)),
            tmp_path,
            sample_pixels=np.zeros((0, HEIGHT, WIDTH, 3), np.uint8),
            settings=SETTINGS,
            output=tmp_path,
            emit=[].append,
        )


def test_a_process_that_is_killed_is_a_named_error(
    tmp_path: Path, onnx_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\nkill -SEGV $$\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    (part,) = measure(exported(artifact("onnx", onnx_file)), tmp_path).formats
    assert "SIGSEGV" in part.error


def test_calls_stop_at_their_number_or_when_time_is_up_but_not_before_ten() -> None:
    calls: list[int] = []
    assert len(child.timings(lambda: calls.append(1), 25, max_seconds=60)) == 25
    assert len(calls) == 28  # three do not count
    assert len(child.timings(lambda: None, 10**9, max_seconds=0)) == child.MINIMUM_CALLS
    assert len(child.timings(lambda: None, 4, max_seconds=0)) == 4
