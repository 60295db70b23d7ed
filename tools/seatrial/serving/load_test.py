"""Many requests at once against the predictor in this process, each timed from when it was due."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence.records import LoadTestRecord
from seatrial.machine import processor_name, usable_cores
from seatrial.serving.predictions import image_files
from seatrial.serving.predictor import Predictor

_GENERATED_INPUTS = 16


@dataclass
class _Tally:
    """What one worker saw; each has its own, so that none waits for another to write."""

    seconds: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


def run(
    model: Path | Predictor,
    num_requests: int,
    concurrency: int,
    *,
    inputs: Sequence[Path] | None = None,
    rate: float | None = None,
    threads: int = 1,
) -> LoadTestRecord:
    """Send ``num_requests`` requests from ``concurrency`` workers and report how long they took.

    A request is an image file's bytes, decoded, preprocessed and answered. One request before
    the clock starts is not counted.

    :param inputs: image files or folders, used in turn; None generates noise of the model's size.
    :param rate: requests due a second (an open loop); None has each worker send its next request
        when its last one is answered (a closed loop).
    :raises ConfigurationError: a count below 1 or a rate that is not positive.
    :raises InputError: the model is refused, or ``inputs`` name no readable file.
    """
    _check(num_requests, concurrency, rate)
    predictor = model if isinstance(model, Predictor) else Predictor(model, threads)
    requests = _generate(predictor) if inputs is None else _read(image_files(inputs)[:num_requests])
    _attempt(predictor, requests[0])
    tallies = [_Tally() for _ in range(concurrency)]
    start = time.perf_counter()
    _drive(predictor, requests, num_requests, rate, tallies)
    seconds = time.perf_counter() - start
    taken = np.sort(np.concatenate([tally.seconds for tally in tallies])) * 1e3
    reasons = sum((tally.reasons for tally in tallies), Counter[str]())
    p50, p95, p99, largest = _percentiles(taken)
    return LoadTestRecord(
        model=str(predictor.path),
        model_sha256=predictor.sha256,
        loop="closed" if rate is None else "open",
        requests_per_second_due=rate,
        num_requests=num_requests,
        concurrency=concurrency,
        threads=predictor.threads,
        inputs="generated" if inputs is None else "given",
        n_inputs=len(requests),
        errors=reasons.total(),
        error_reasons=dict(sorted(reasons.items())),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=largest,
        requests_per_second=len(taken) / seconds,
        processor=processor_name(),
        cores=usable_cores(),
        seconds=seconds,
    )


def _check(num_requests: int, concurrency: int, rate: float | None) -> None:
    problems = [
        f"{name}: at least 1 required, {value} given"
        for name, value in (("num-requests", num_requests), ("concurrency", concurrency))
        if value < 1
    ]
    if rate is not None and not 0 < rate < float("inf"):
        problems.append(f"rate: a number above 0 required, {rate} given")
    if problems:
        raise ConfigurationError(*problems)


def _read(paths: Sequence[Path]) -> list[bytes]:
    contents = []
    for path in paths:
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path}: cannot read: {error.strerror}") from None
    return contents


def _generate(predictor: Predictor) -> list[bytes]:
    """PNG files of seeded noise at the model's size."""
    spec = predictor.metadata.preprocessing
    shape = (_GENERATED_INPUTS, spec.height, spec.width, spec.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    contents = []
    for pixels in noise:
        stream = io.BytesIO()
        Image.fromarray(pixels.squeeze(-1) if spec.channels == 1 else pixels).save(stream, "PNG")
        contents.append(stream.getvalue())
    return contents


def _attempt(predictor: Predictor, content: bytes) -> str | None:
    """Why a request was not answered; None if it was."""
    try:
        row = predictor.probabilities(predictor.load(content)[None])
    except InputError as error:
        return str(error)
    except Exception as error:  # whatever a request dies of is counted, by name, in the record
        return f"{type(error).__name__}: {error}"
    return None if np.isfinite(row).all() else "the model gave a value that is not finite"


def _drive(
    predictor: Predictor,
    requests: Sequence[bytes],
    num_requests: int,
    rate: float | None,
    tallies: Sequence[_Tally],
) -> None:
    numbers = count()  # next() on it is atomic under the interpreter's lock
    start = time.perf_counter()

    def work(tally: _Tally) -> None:
        due = start
        while (number := next(numbers)) < num_requests:
            if rate is not None:
                due = start + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
            reason = _attempt(predictor, requests[number % len(requests)])
            answered = time.perf_counter()
            if reason is None:
                tally.seconds.append(answered - due)
            else:
                tally.reasons[reason] += 1
            due = answered

    workers = [threading.Thread(target=work, args=(tally,), daemon=True) for tally in tallies]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _percentiles(milliseconds: npt.NDArray[np.float64]) -> tuple[float | None, ...]:
    """p50, p95, p99 and the largest; all None where nothing was answered."""
    if milliseconds.size == 0:
        return (None, None, None, None)
    p50, p95, p99 = np.percentile(milliseconds, (50, 95, 99))
    return (float(p50), float(p95), float(p99), float(milliseconds[-1]))
