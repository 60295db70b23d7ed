"""An exported file of any format as a function from a batch to what its graph gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from seatrial.errors import InputError
from seatrial.evidence.records import Format, ModelMetadata
from seatrial.preprocessing import Pixels, normalise

Floats = npt.NDArray[np.float32]
METADATA_FILE = "seatrial.json"


@dataclass(frozen=True)
class Opened:
    """A loaded export."""

    run: Callable[[Floats], Floats]
    """``(N, C, H, W)`` float32 → ``(N, K)`` float32: logits, or probabilities if embedded."""
    metadata: ModelMetadata
    """As the file itself carries it."""

    def logits(self, batch: Floats) -> Floats:
        """Logits for a batch as :func:`model_input` makes it. Where the graph gives
        probabilities, their logarithms: logits up to a constant a row; see :func:`log_shares`.
        """
        answer = self.run(batch)
        return answer if self.metadata.output == "logits" else log_shares(answer)


def log_shares(shares: Floats) -> Floats:
    """Natural logarithms of probabilities, of which none counts as less than 1.2e-38."""
    return np.log(np.maximum(shares, np.finfo(np.float32).tiny))


def model_input(pixels: Pixels, metadata: ModelMetadata) -> Floats:
    """``(N, H, W, C)`` uint8 → what the graph takes, ``(N, C, H, W)`` float32, by its metadata."""
    if metadata.embedded_preprocessing:
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32)
    return normalise(pixels, metadata.preprocessing)


def open_export(path: Path, kind: Format, threads: int) -> Opened:
    """Load an exported file. ``.pt`` and ``.pt2`` run code at loading: hash the file first.

    :raises InputError: the file cannot be loaded, or carries no metadata of ours.
    """
    try:
        return _OPENERS[kind](path, threads)
    except InputError:
        raise
    except ValidationError as error:
        raise InputError(f"{path.name}: its metadata is not valid: {error.errors()[0]}") from None
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path.name}: cannot be loaded: {reason[0][:300]}") from None


def _onnx(path: Path, threads: int) -> Opened:
    from seatrial.onnx_sessions import INPUT_NAME, OUTPUT_NAME, open_session, read_metadata

    session = open_session(path, threads)

    def run(batch: Floats) -> Floats:
        output: Floats = session.run([OUTPUT_NAME], {INPUT_NAME: batch})[0]
        return output

    return Opened(run, read_metadata(session))


def _torchscript(path: Path, threads: int) -> Opened:
    import torch

    extra = {METADATA_FILE: ""}
    module = torch.jit.load(str(path), "cpu", extra)  # type: ignore[no-untyped-call]
    return _torch(module, extra, threads)


def _torch_export(path: Path, threads: int) -> Opened:
    import torch

    extra = {METADATA_FILE: ""}
    program = torch.export.load(str(path), extra_files=extra)
    return _torch(program.module(), extra, threads)


def _torch(module: Callable[..., object], extra: Mapping[str, str], threads: int) -> Opened:
    import torch

    torch.set_num_threads(threads)

    def run(batch: Floats) -> Floats:
        with torch.inference_mode():
            output = module(torch.from_numpy(batch))
        if not isinstance(output, torch.Tensor):
            raise InputError(f"a tensor required as output, {type(output).__name__} found")
        return output.numpy()

    return Opened(run, ModelMetadata.model_validate_json(extra[METADATA_FILE]))


_OPENERS: Mapping[Format, Callable[[Path, int], Opened]] = MappingProxyType(
    {
        "onnx": _onnx,
        "onnx_fp16": _onnx,
        "onnx_int8": _onnx,
        "torchscript": _torchscript,
        "torch_export": _torch_export,
    }
)
