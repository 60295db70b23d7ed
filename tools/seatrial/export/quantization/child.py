"""The search in a process of its own: ``python -m`` with a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.evidence.records import Preprocessing
from seatrial.export.quantization.judging import Judge
from seatrial.export.quantization.search import Search
from seatrial.export.quiet import quiet
from seatrial.isolation import serve


def search(job: Mapping[str, Any], folder: Path) -> Mapping[str, object]:
    """Search as the job says; the answer names the chosen file in the folder, or None."""
    model = folder / job["model"]
    spec = Preprocessing.model_validate(job["preprocessing"])
    judge = Judge.of(
        model,
        np.load(folder / job["search"], mmap_mode="r", allow_pickle=False),
        np.load(folder / job["labels"], allow_pickle=False),
        spec,
        job["threads"],
    )
    with quiet():
        found = Search(
            model=model,
            calibration=np.load(folder / job["calibration"], mmap_mode="r", allow_pickle=False),
            judge=judge,
            spec=spec,
            max_drop=job["max_drop"],
            seconds=job["seconds"],
            folder=folder,
        )
        chosen = found.run()
    return {
        "fp32_val_acc": judge.accuracy,
        "chosen": None if chosen is None else found.file_of(chosen).name,
        "trials": [trial.model_dump() for trial in found.trials],
    }


if __name__ == "__main__":
    serve(search)
