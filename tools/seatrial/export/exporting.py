"""The way from a trained model to every file that was asked for."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from seatrial.config.schema import Quantization
from seatrial.errors import InputError, SeatrialError
from seatrial.evidence.records import Artifact, ExportRecord, Format, ModelMetadata
from seatrial.export.embedding import WithPreprocessing
from seatrial.export.formats import FORMATS
from seatrial.export.interface import Emit, Exported, Images, Indices, Source
from seatrial.export.onnx_int8 import SearchImages, SearchResult, search
from seatrial.export.quantization.summary import NOT_ASKED
from seatrial.export.quiet import one_line, quiet
from seatrial.export.sampling import stratified
from seatrial.files import sha256_bytes, write_bytes, write_json
from seatrial.preprocessing import normalise

_EXAMPLES = 2


def export_all(
    model: nn.Module,
    dataset: Images,
    *,
    name: str,
    checkpoint_sha256: str,
    formats: Sequence[Format],
    quantization: Quantization | None,
    embed_preprocessing: bool,
    threads: int,
    seed: int,
    output: Path,
    emit: Emit,
) -> ExportRecord:
    """Export ``model`` in each of ``formats``, and in int8 where ``quantization`` is given.

    Each file lies in ``output`` with its metadata beside it as ``<file>.json``. A format that
    cannot be exported is an artifact with the reason; the others are exported all the same.
    ``model`` is not changed. ``emit`` gets ``{"event": "export", "format", "status", "seconds"}``
    as each ends.

    :raises InputError: there is no image to trace with, or the disk takes no file.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="seatrial-export-") as work:
        source = _source(
            model,
            dataset,
            _metadata(dataset, name, checkpoint_sha256, embedded=embed_preprocessing),
            threads,
            Path(work),
        )
        artifacts = [_one(source, kind, output, emit) for kind in formats]
        int8 = _Int8(NOT_ASKED)
        if quantization is not None:
            int8 = _int8(source, dataset, quantization, seed, output, emit)
            artifacts += int8.artifacts
    spec = dataset.spec
    return ExportRecord(
        input_shape=(spec.channels, spec.height, spec.width),
        classes=tuple(dataset.classes),
        embedded_preprocessing=embed_preprocessing,
        artifacts=tuple(artifacts),
        trials=int8.result.trials if int8.result else (),
        n_calibration=int8.n_calibration,
        n_search=int8.n_search,
        fp32_val_acc=int8.result.fp32_val_acc if int8.result else None,
        quantization_summary=int8.result.summary if int8.result else int8.summary,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class _Int8:
    summary: str
    artifacts: tuple[Artifact, ...] = ()
    result: SearchResult | None = None
    n_calibration: int = 0
    n_search: int = 0


def _metadata(
    dataset: Images, name: str, checkpoint_sha256: str, *, embedded: bool
) -> ModelMetadata:
    return ModelMetadata(
        name=name,
        classes=tuple(dataset.classes),
        preprocessing=dataset.spec,
        embedded_preprocessing=embedded,
        output="probabilities" if embedded else "logits",
        format="onnx",
        colour_order="RGB" if dataset.spec.channels == 3 else "grey",
        checkpoint_sha256=checkpoint_sha256,
    )


def _source(
    model: nn.Module, dataset: Images, metadata: ModelMetadata, threads: int, work: Path
) -> Source:
    """The model as exporters want it, with two real images to trace on."""
    plain = copy.deepcopy(getattr(model, "_orig_mod", model)).cpu().float().eval()
    plain = plain.to(memory_format=torch.contiguous_format).requires_grad_(False)
    pixels = dataset.pixels(_some(dataset)[:_EXAMPLES])
    if metadata.embedded_preprocessing:
        example = pixels.transpose(0, 3, 1, 2).astype(np.float32)
    else:
        example = normalise(pixels, metadata.preprocessing)
    if len(example) < _EXAMPLES:
        example = np.repeat(example, _EXAMPLES, axis=0)
    embedded = WithPreprocessing(plain, metadata.preprocessing).eval()
    return Source(
        model=plain,
        deployed=embedded if metadata.embedded_preprocessing else plain,
        example=torch.from_numpy(np.ascontiguousarray(example)),
        metadata=metadata,
        threads=threads,
        work=work,
    )


def _some(dataset: Images) -> Indices:
    for split in ("train", "val", "test"):
        indices = dataset.split_indices(split)
        if len(indices):
            return indices
    raise InputError("export: at least one image is required to trace the model, none found")


def _one(source: Source, kind: Format, output: Path, emit: Emit) -> Artifact:
    started = time.perf_counter()
    exporter = FORMATS[kind].export
    if exporter is None:
        raise ValueError(f"{kind} comes from the search for a setting, not from a list of formats")
    metadata = source.metadata.model_copy(update={"format": kind})
    exported, reason = None, None
    try:
        with quiet():
            exported = exporter(source, metadata)
    except SeatrialError as error:
        reason = str(error)
    except Exception as error:  # exporters raise nearly anything on models they cannot take
        reason = one_line(error)
    artifact = _written(exported, metadata, output, reason, time.perf_counter() - started)
    _tell(artifact, emit)
    return artifact


def _written(
    exported: Exported | None,
    metadata: ModelMetadata,
    output: Path,
    reason: str | None,
    seconds: float,
) -> Artifact:
    """The artifact of an export, its file and metadata written; without one, why there is none."""
    if exported is None:
        return Artifact(
            format=metadata.format,
            path=None,
            size_bytes=None,
            sha256=None,
            status="failed",
            reason=reason,
            seconds=seconds,
        )
    filename = FORMATS[metadata.format].filename
    write_bytes(output / filename, exported.content)
    write_json(output / f"{filename}.json", metadata.model_dump(mode="json"))
    return Artifact(
        format=metadata.format,
        path=filename,
        size_bytes=len(exported.content),
        sha256=sha256_bytes(exported.content),
        opset=exported.opset,
        status="exported",
        seconds=seconds,
    )


def _int8(
    source: Source,
    dataset: Images,
    settings: Quantization,
    seed: int,
    output: Path,
    emit: Emit,
) -> _Int8:
    started = time.perf_counter()
    metadata = source.metadata.model_copy(update={"format": "onnx_int8"})
    train, val = dataset.split_indices("train"), dataset.split_indices("val")
    train = train[stratified(dataset.labels(train), settings.calibration_images, seed)]
    val = val[stratified(dataset.labels(val), settings.max_search_images, seed)]
    emit({"event": "quantization", "calibration": len(train), "search": len(val)})
    result, reason = None, None
    try:
        if not (len(train) and len(val)):
            raise InputError("training and validation images are required to calibrate and judge")
        images = SearchImages(dataset.pixels(train), dataset.pixels(val), dataset.labels(val))
        with quiet():
            result = search(source, metadata, images, settings.max_accuracy_drop)
    except SeatrialError as error:
        reason = f"the search for an int8 setting failed: {error}"
    except Exception as error:  # as above
        reason = f"the search for an int8 setting failed: {one_line(error)}"
    exported = result.exported if result else None
    if result and exported is None:
        reason = result.summary
    artifact = _written(exported, metadata, output, reason, time.perf_counter() - started)
    if result and exported is None:
        artifact = artifact.model_copy(update={"status": "rejected"})
    _tell(artifact, emit)
    return _Int8(reason or "", (artifact,), result, len(train), len(val))


def _tell(artifact: Artifact, emit: Emit) -> None:
    emit(
        {
            "event": "export",
            "format": artifact.format,
            "status": artifact.status,
            "seconds": round(artifact.seconds, 3),
        }
    )
