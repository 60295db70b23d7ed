"""The benchmark step and the load test: time, memory and size."""

from __future__ import annotations

from typing import Literal

from seatrial.evidence.records.base import Record
from seatrial.evidence.records.export import Format


class Latency(Record):
    """Milliseconds for one call at a batch size."""

    batch: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    repetitions: int
    images_per_second: float


class FormatMeasurement(Record):
    """One exported file measured in fresh processes. MB are 10^6 bytes.

    Where ``error`` is set, what could not be measured is None and ``latencies`` is empty.
    """

    format: Format
    load_ms: float | None
    """Median over the processes: from the file to a model that can be called, imports aside."""
    latencies: tuple[Latency, ...]
    peak_memory_mb: float | None
    """Largest resident set of any of the processes: interpreter, runtime, model and inputs."""
    gpu_memory_mb: float | None
    size_mb: float | None
    speedup: float | None
    """Median latency of fp32 ONNX at batch 1 divided by this one's."""
    error: str | None = None
    processes: int = 1
    """Fresh processes that were measured: fewer for the formats that need torch to start."""
    import_ms: float | None = None
    """Median time to import the runtime, which every fresh process pays before loading."""


class BenchmarkRecord(Record):
    """Latency, throughput, memory and size of every format, interleaved on one machine."""

    processor: str
    cores: int
    threads: int
    load_average: float
    gpu: str | None
    versions: dict[str, str]
    formats: tuple[FormatMeasurement, ...]
    processes_per_format: int
    """As asked for; a format's own ``processes`` says how many there were."""
    seconds: float


class LoadTestRecord(Record):
    """Requests against the predictor in this process, each one from image file bytes to answer.

    Latency counts from the moment a request was due. ``loop`` open: due times follow the given
    rate, whether or not earlier requests were answered, so that waiting is counted. Closed: a
    worker's next request is due when its last one is answered, so the figures say how the model
    does under ``concurrency`` callers that wait, not under traffic that does not.
    """

    model: str
    model_sha256: str
    loop: Literal["open", "closed"]
    requests_per_second_due: float | None
    """The rate asked for; None in a closed loop."""
    num_requests: int
    concurrency: int
    threads: int
    """Threads of the runtime within one call."""
    inputs: Literal["given", "generated"]
    n_inputs: int
    errors: int
    error_reasons: dict[str, int]
    p50_ms: float | None
    """Of the requests that were answered; None where there is none."""
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    requests_per_second: float
    """Answered requests by the time from the first due to the last answered."""
    processor: str
    cores: int
    seconds: float
