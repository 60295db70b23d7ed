"""A load test sends what it says, counts what fails, and hides no waiting."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence.records import LoadTestRecord
from seatrial.serving import load_test
from seatrial.serving.predictor import Predictor
from tiny_onnx import matrix, save_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model.onnx")


class Counting(Predictor):
    """The predictor, counting what reaches it and how much of it at once."""

    def __init__(self, path: Path, fail_every: int = 0, hold_first: float = 0.0) -> None:
        super().__init__(path)
        self.fail_every, self.hold_first = fail_every, hold_first
        self.seen: list[bytes | Path] = []
        self.active = self.most_active = 0
        self.lock = threading.Lock()

    def load(self, source: Path | bytes) -> np.ndarray:
        with self.lock:
            self.seen.append(source)
            number = len(self.seen) - 1
            self.active += 1
            self.most_active = max(self.most_active, self.active)
        if number == 1 and self.hold_first:  # the first that is timed: number 0 warms up
            end = time.perf_counter() + self.hold_first
            while time.perf_counter() < end:
                pass
        with self.lock:
            self.active -= 1
        if self.fail_every and number % self.fail_every == 0:
            raise InputError("made to fail")
        return super().load(source)


def test_every_request_is_sent_once_and_the_record_says_what_was_done(model: Path) -> None:
    predictor = Counting(model)
    record = load_test.run(predictor, 50, 4)
    assert len(predictor.seen) == 51  # one before the clock starts
    assert predictor.most_active <= 4
    assert (record.num_requests, record.concurrency, record.errors) == (50, 4, 0)
    assert (record.loop, record.inputs, record.n_inputs) == ("closed", "generated", 16)
    assert record.model_sha256 == predictor.sha256
    percentiles = [record.p50_ms, record.p95_ms, record.p99_ms, record.max_ms]
    assert percentiles == sorted(percentiles)
    assert record.requests_per_second == pytest.approx(50 / record.seconds, rel=0.2)
    assert LoadTestRecord.model_validate_json(record.model_dump_json()) == record


def test_failed_requests_are_counted_by_reason_and_do_not_stop_the_others(model: Path) -> None:
    record = load_test.run(Counting(model, fail_every=5), 40, 3)
    assert record.errors == 8
    assert record.error_reasons == {"made to fail": 8}
    assert record.p50_ms is not None


def test_a_model_that_answers_nothing_has_no_latency(tmp_path: Path) -> None:
    broken = save_model(tmp_path / "m.onnx", weights=np.full_like(matrix(), np.nan))
    record = load_test.run(broken, 6, 2)
    assert record.errors == 6
    assert record.p50_ms is None
    assert record.requests_per_second == 0


def test_in_an_open_loop_requests_that_had_to_wait_count_their_waiting(model: Path) -> None:
    # Twenty requests due within 20 ms, the first of which holds the only worker for 200 ms: from
    # when they were due, all the others took longer than the 180 ms that were left of it.
    record = load_test.run(Counting(model, hold_first=0.2), 20, 1, rate=1000)
    assert record.loop == "open"
    assert record.requests_per_second_due == 1000
    assert record.p50_ms > 150


def test_given_images_are_used_in_turn(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        shape = (9, 9, 3)
        pixels = np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    predictor = Counting(model)
    record = load_test.run(predictor, 9, 1, inputs=[folder])
    contents = [path.read_bytes() for path in sorted(folder.iterdir())]
    assert predictor.seen[1:] == contents * 3
    assert (record.inputs, record.n_inputs) == ("given", 3)
    assert load_test.run(model, 2, 1, inputs=[folder]).n_inputs == 2  # no more than are sent


def test_impossible_counts_are_refused_together(model: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_test.run(model, 0, -1, rate=0)
    assert len(caught.value.problems) == 3


def test_a_missing_image_is_refused_before_any_request(tmp_path: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.png: cannot read"):
        load_test.run(model, 1, 1, inputs=[tmp_path / "absent.png"])
