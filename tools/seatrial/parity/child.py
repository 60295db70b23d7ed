"""Runs one exported file on the test set, in a process of its own: ``python -m`` with a folder."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.errors import InputError
from seatrial.evidence.records import ModelMetadata, Preprocessing
from seatrial.files import read_json, sha256_file
from seatrial.isolation import serve
from seatrial.parity.runtimes import Opened, model_input, open_export
from seatrial.preprocessing import Pixels, load_pixels

RUN_BATCH = 64
"""Images a call in the pass over the whole test set."""

BATCHES = (1, 2, 7, 32)
BATCH_IMAGES = 32

Floats = npt.NDArray[np.float32]


def answer(job: Mapping[str, Any], folder: Path) -> Mapping[str, object]:
    """Hash, load and run the job's file, which lies in a folder of this process's parent alone;
    logits go to ``logits.npy`` in the folder."""
    warnings.simplefilter("ignore")
    path = Path(job["path"])
    opened = _open(path, job)
    pixels = np.load(job["pixels"], mmap_mode="r", allow_pickle=False)
    # Preprocessed as in training, whatever the file says of itself.
    trained = opened.metadata.model_copy(
        update={"preprocessing": Preprocessing.model_validate(job["preprocessing"])}
    )
    logits = run(opened, pixels, trained, RUN_BATCH)
    if logits.shape != (len(pixels), len(opened.metadata.classes)):
        raise InputError(f"{path.name}: logits of {len(pixels)} images required, {logits.shape}")
    if not np.isfinite(logits).all():
        raise InputError(f"{path.name}: its output is not finite")
    np.save(folder / "logits.npy", logits, allow_pickle=False)
    some = pixels[:BATCH_IMAGES]
    batches = {
        str(size): _largest(run(opened, some, trained, size) - logits[: len(some)])
        for size in BATCHES
    }
    return {"batches": batches, **golden(opened, trained, pixels, job["golden"])}


def run(opened: Opened, pixels: Pixels, metadata: ModelMetadata, batch: int) -> Floats:
    """Logits ``(N, K)`` of ``(N, H, W, C)`` uint8 pixels, ``batch`` images a call."""
    parts = [
        opened.logits(model_input(np.asarray(pixels[start : start + batch]), metadata))
        for start in range(0, len(pixels), batch)
    ]
    return np.concatenate(parts)


def golden(
    opened: Opened,
    trained: ModelMetadata,
    pixels: Pixels,
    images: Sequence[Mapping[str, Any]],
) -> Mapping[str, object]:
    """Image files through what the export says of its preprocessing, against training's pixels.

    ``images`` name each file and its position in ``pixels``. Both ways run in one batch of the
    same size, so that equal inputs give equal bits.
    """
    if not images:
        return {"golden_n": 0, "golden_agree": 0, "golden_max_difference": 0.0}
    spec = opened.metadata.preprocessing
    loaded = np.stack([load_pixels(Path(image["file"]), spec) for image in images])
    own = opened.logits(model_input(loaded, opened.metadata))
    kept = np.asarray(pixels[[image["position"] for image in images]])
    other = opened.logits(model_input(kept, trained))
    return {
        "golden_n": len(images),
        "golden_agree": int((own.argmax(axis=1) == other.argmax(axis=1)).sum()),
        "golden_max_difference": _largest(own - other),
    }


def _open(path: Path, job: Mapping[str, Any]) -> Opened:
    found = sha256_file(path)
    if found != job["sha256"]:
        raise InputError(
            f"{path.name}: SHA-256 {job['sha256'][:12]}… required, {found[:12]}… found: the file"
            " is not the one that was exported; export again"
        )
    opened = open_export(path, job["format"], job["threads"])
    beside = ModelMetadata.model_validate(read_json(path.with_name(f"{path.name}.json")))
    if beside != opened.metadata:
        raise InputError(f"{path.name}: the metadata inside and beside the file differ")
    return opened


def _largest(difference: Floats) -> float:
    return float(np.abs(difference).max())


if __name__ == "__main__":
    serve(answer)
