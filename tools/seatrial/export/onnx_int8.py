"""Static int8 ONNX: the search, run in a process of its own, and the file it chose."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from seatrial.evidence.records import ModelMetadata, QuantizationTrial
from seatrial.export.interface import Exported, Pixels, Source
from seatrial.export.onnx_graph import finish, opset_of
from seatrial.export.quantization.summary import summarise
from seatrial.isolation import run_child

SEARCH_SECONDS = 900
_GRACE_SECONDS = 900


@dataclass(frozen=True)
class SearchImages:
    """What calibrates and what judges. Pixels are ``(N, H, W, C)`` uint8."""

    calibration: Pixels
    """Of the training split."""
    search: Pixels
    """Of the validation split."""
    labels: npt.NDArray[np.int64]
    """Of :attr:`search`."""


@dataclass(frozen=True)
class SearchResult:
    """Every trial, and the chosen file if there is one."""

    trials: tuple[QuantizationTrial, ...]
    fp32_val_acc: float
    summary: str
    exported: Exported | None


def search(
    source: Source, metadata: ModelMetadata, images: SearchImages, max_drop: float
) -> SearchResult:
    """Search an int8 setting for the model.

    :raises ChildFailure: the search's process crashed or ran out of time.
    """
    folder = source.work / "int8"
    folder.mkdir()
    (folder / "fp32.onnx").write_bytes(source.plain_onnx.SerializeToString())
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "calibration": images.calibration,
        "search": images.search,
        "labels": images.labels,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    answer = run_child(
        "seatrial.export.quantization.child",
        {
            "model": "fp32.onnx",
            **{name: f"{name}.npy" for name in arrays},
            "preprocessing": json.loads(metadata.preprocessing.model_dump_json()),
            "max_drop": max_drop,
            "threads": source.threads,
            "seconds": SEARCH_SECONDS,
        },
        folder,
        threads=source.threads,
        timeout_s=SEARCH_SECONDS + _GRACE_SECONDS,
    )
    trials = tuple(QuantizationTrial.model_validate(trial) for trial in answer["trials"])
    accuracy = float(answer["fp32_val_acc"])
    exported = None
    if answer["chosen"] is not None:
        model = onnx.load(str(folder / answer["chosen"]), load_external_data=False)
        exported = Exported(finish(model, metadata), opset_of(model))
    summary = summarise(trials, accuracy, len(images.labels), max_drop)
    return SearchResult(trials, accuracy, summary, exported)
