"""Opens an ONNX file and runs it once, in a process of its own: ``python -m`` with a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.isolation import serve
from seatrial.onnx_sessions import INPUT_NAME, OUTPUT_NAME, open_session, read_metadata


def try_once(job: Mapping[str, Any], folder: Path) -> Mapping[str, object]:
    """Open the job's ``model``, check its metadata, run it on ``inputs``; say whether the output
    is finite."""
    session = open_session(folder / job["model"], job["threads"])
    read_metadata(session)
    inputs = np.load(folder / job["inputs"], allow_pickle=False)
    (output,) = session.run([OUTPUT_NAME], {INPUT_NAME: inputs})
    return {"finite": bool(np.isfinite(output).all())}


if __name__ == "__main__":
    serve(try_once)
