"""One fresh process that loads one exported file and times it: a :class:`Task` in, a
:class:`Report` out, through :mod:`seatrial.isolation`."""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.errors import InputError
from seatrial.evidence.records import Format, Record
from seatrial.files import sha256_file
from seatrial.isolation import serve

MINIMUM_CALLS = 10
_WARM_UP_CALLS = 3

Batch = npt.NDArray[np.float32]
Call = Callable[[], object]


@dataclass(frozen=True)
class Runtime:
    """An imported library that runs models."""

    packages: tuple[str, ...]
    """The distributions whose versions say what was measured."""
    load: Callable[[Path, int], Callable[[Batch], Call]]
    """File and threads → batch → a call that runs the model on it, conversions done before."""
    gpu_memory: Callable[[Path, Batch], tuple[str, float] | None]
    """File and batch → the GPU's name and the MB it took; None where there is no GPU."""


class Task(Record):
    """What a child is to measure. ``inputs`` is an ``.npy`` of ``(N, C, H, W)`` float32."""

    format: Format
    model: Path
    """A copy in a folder of the parent alone."""
    sha256: str
    inputs: Path
    batch_sizes: tuple[int, ...]
    repetitions: int
    max_seconds: float
    threads: int


class Report(Record):
    """What a child measured. ``latencies_ms`` holds every timed call by batch size."""

    import_ms: float
    load_ms: float
    latencies_ms: dict[int, tuple[float, ...]]
    peak_memory_mb: float
    gpu: str | None
    gpu_memory_mb: float | None
    gpu_error: str | None
    versions: dict[str, str]


def measure(task: Task) -> Report:
    """Import the runtime, load the file, time the calls.

    :raises InputError: the file is not the one that the task names by digest.
    """
    if sha256_file(task.model) != task.sha256:
        raise InputError(f"{task.model.name}: changed since it was exported; export again")
    started = time.perf_counter()
    runtime = _RUNTIMES[task.format]()
    imported = time.perf_counter()
    prepare = runtime.load(task.model, task.threads)
    loaded = time.perf_counter()
    inputs: Batch = np.load(task.inputs, allow_pickle=False)
    batches = {
        n: np.ascontiguousarray(inputs[np.arange(n) % len(inputs)]) for n in task.batch_sizes
    }
    latencies = {
        size: timings(prepare(batch), task.repetitions, task.max_seconds)
        for size, batch in batches.items()
    }
    peak = peak_memory_mb()
    gpu, gpu_error = None, None
    try:
        gpu = runtime.gpu_memory(task.model, batches[max(batches)])
    except RuntimeError as error:  # such as another process that holds the GPU's memory
        gpu_error = str(error)
    return Report(
        import_ms=(imported - started) * 1e3,
        load_ms=(loaded - imported) * 1e3,
        latencies_ms=latencies,
        peak_memory_mb=peak,
        gpu=gpu[0] if gpu else None,
        gpu_memory_mb=gpu[1] if gpu else None,
        gpu_error=gpu_error,
        versions={name: importlib.metadata.version(name) for name in runtime.packages},
    )


def timings(call: Call, repetitions: int, max_seconds: float) -> tuple[float, ...]:
    """Milliseconds of each call, after a few that do not count.

    Stops after ``repetitions`` calls, or once ``max_seconds`` have gone by and
    :data:`MINIMUM_CALLS` (or ``repetitions``, if fewer) are done.
    """
    for _ in range(_WARM_UP_CALLS):
        call()
    taken: list[float] = []
    end = time.perf_counter() + max_seconds
    while len(taken) < repetitions:
        started = time.perf_counter()
        if started >= end and len(taken) >= MINIMUM_CALLS:
            break
        call()
        taken.append((time.perf_counter() - started) * 1e3)
    return tuple(taken)


def peak_memory_mb() -> float:
    """Largest resident set of this process so far, in 10^6 bytes.

    From VmHWM where the system has it: ``ru_maxrss`` starts from the parent's.
    """
    with contextlib.suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _onnx() -> Runtime:
    import onnxruntime  # noqa: F401  (its import is what is timed here)

    from seatrial.onnx_sessions import INPUT_NAME, OUTPUT_NAME, open_session

    def load(path: Path, threads: int) -> Callable[[Batch], Call]:
        session = open_session(path, threads)
        return lambda batch: lambda: session.run([OUTPUT_NAME], {INPUT_NAME: batch})

    return Runtime(("onnxruntime", "numpy"), load, lambda _path, _batch: None)


def _torchscript() -> Runtime:
    import torch

    def load(path: Path, device: str) -> Callable[[torch.Tensor], object]:
        module: torch.nn.Module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
        return module

    return _torch(load)


def _torch_export() -> Runtime:
    import torch
    from torch.export.passes import move_to_device_pass

    def load(path: Path, device: str) -> Callable[[torch.Tensor], object]:
        program = torch.export.load(str(path))
        if device != "cpu":
            program = move_to_device_pass(program, device)
        return program.module()

    return _torch(load)


def _torch(open_model: Callable[[Path, str], Callable[..., object]]) -> Runtime:
    """A model on the processor; where there is a GPU, its memory is measured there afterwards."""
    import torch

    def load(path: Path, threads: int) -> Callable[[Batch], Call]:
        torch.set_num_threads(threads)
        model = open_model(path, "cpu")

        def prepare(batch: Batch) -> Call:
            tensor = torch.from_numpy(batch)

            @torch.inference_mode()
            def call() -> object:
                return model(tensor)

            return call

        return prepare

    def gpu_memory(path: Path, batch: Batch) -> tuple[str, float] | None:
        if not torch.cuda.is_available():
            return None
        with torch.inference_mode():
            open_model(path, "cuda")(torch.from_numpy(batch).cuda())
        return torch.cuda.get_device_name(), torch.cuda.max_memory_reserved() / 1e6

    return Runtime(("torch", "numpy"), load, gpu_memory)


_RUNTIMES: dict[Format, Callable[[], Runtime]] = {
    "onnx": _onnx,
    "onnx_fp16": _onnx,
    "onnx_int8": _onnx,
    "torchscript": _torchscript,
    "torch_export": _torch_export,
}


def work(job: dict[str, Any], _folder: Path) -> dict[str, object]:
    """The task and the report as JSON."""
    return measure(Task.model_validate(job)).model_dump(mode="json")


if __name__ == "__main__":
    serve(work)
