"""The search for an int8 setting: ranges, sensitivity, choice, and what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from digits_release import Digits, Release, release
from seatrial.config.schema import Quantization
from seatrial.evidence.records import QuantizationTrial
from seatrial.export.quantization import calibration, search
from seatrial.export.quantization.calibration import Calibrator, Tensor, activations, grouped
from seatrial.export.quantization.choice import choose, in_budget
from seatrial.export.quantization.judging import Judge, trial
from seatrial.export.quantization.quantizing import (
    matrix_nodes,
    prepare,
    quantize,
    shapes_missing,
)
from seatrial.export.quantization.search import Search
from seatrial.export.quantization.sensitivity import blocks, most_sensitive_first
from seatrial.export.quantization.settings import SETTINGS, Setting
from seatrial.export.quantization.summary import summarise
from seatrial.onnx_sessions import INPUT_NAME
from seatrial.preprocessing import normalise


@pytest.fixture(scope="session")
def prepared(plain: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared") / "prepared.onnx"
    prepare(plain.path("onnx"), path)
    return path


def every_activation(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """All tensors at once, in one pass over all images: what the calibrator avoids."""
    model = onnx.load(path)
    names = {tensor.name for tensor in activations(model)}
    known = {value.name: value for value in (*model.graph.value_info, *model.graph.output)}
    del model.graph.output[:]
    model.graph.output.extend(known[name] for name in sorted(names - {INPUT_NAME}))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    outputs = [value.name for value in session.get_outputs()]
    found = dict(zip(outputs, session.run(outputs, {INPUT_NAME: images}), strict=True))
    return found | {INPUT_NAME: images}


def test_minmax_and_percentile_are_those_of_all_activations_at_once(
    prepared: Path, dataset: Digits
) -> None:
    bound = 10_000
    assert len(grouped(activations(onnx.load(prepared)), bound)) > 1
    pixels = dataset.pixels(np.arange(70))
    calibrator = Calibrator(prepared, pixels, dataset.spec, 1, bound)
    low_high = calibrator.minmax()
    middle = calibrator.percentile(low_high)
    wanted = every_activation(prepared, normalise(pixels, dataset.spec))
    assert set(low_high) == set(wanted)
    for name, values in wanted.items():
        assert low_high[name] == pytest.approx((values.min(), values.max()), abs=1e-5)
        cut = (100 - calibration.PERCENTILE) / 200
        exact = np.quantile(values, [cut, 1 - cut], method="inverted_cdf")
        two_bins = 2 * (values.max() - values.min()) / 4096
        np.testing.assert_allclose(middle[name], exact, atol=two_bins + 1e-5)


def test_a_percentile_range_ignores_one_wild_value(
    prepared: Path, dataset: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrator = Calibrator(prepared, dataset.pixels(np.arange(8)), dataset.spec, 1)
    values = np.concatenate([np.linspace(0, 1, 200_000), [1000.0]]).astype(np.float32)
    monkeypatch.setattr(calibrator, "_values", lambda: iter([("x", values)]))
    monkeypatch.setattr(calibration, "_SAMPLED_VALUES", 10**6)
    ranges = calibrator.minmax()
    assert ranges["x"] == (0, 1000)
    assert calibrator.percentile(ranges)["x"][1] < 2


@pytest.mark.parametrize(("centre", "width"), [(1000.0, 1e-4), (0.0, 1e-30), (3e38, 1e34)])
def test_percentiles_of_a_range_narrower_than_float32s_steps_stay_within_it(
    prepared: Path,
    dataset: Digits,
    monkeypatch: pytest.MonkeyPatch,
    centre: float,
    width: float,
) -> None:
    calibrator = Calibrator(prepared, dataset.pixels(np.arange(8)), dataset.spec, 1)
    values = (centre + width * np.linspace(-1, 1, 999)).astype(np.float32)
    monkeypatch.setattr(calibrator, "_values", lambda: iter([("x", values)]))
    low, high = calibrator.percentile(calibrator.minmax())["x"]
    assert values.min() <= low <= high <= np.nextafter(values.max(), np.inf)


@given(
    sizes=st.lists(st.integers(1, 500), max_size=40),
    bound=st.integers(1, 800),
)
def test_groups_hold_every_tensor_once_and_keep_to_the_bound(sizes: list[int], bound: int) -> None:
    tensors = [Tensor(str(n), size) for n, size in enumerate(sizes)]
    groups = grouped(tensors, bound)
    assert [tensor for group in groups for tensor in group] == tensors
    for group in groups:
        assert len(group) == 1 or sum(tensor.bytes_per_image for tensor in group) <= bound


def test_infinite_activations_do_not_reach_the_ranges(
    prepared: Path, dataset: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrator = Calibrator(prepared, dataset.pixels(np.arange(8)), dataset.spec, 1)
    values = np.array([-np.inf, -2.0, np.nan, 3.0, np.inf], dtype=np.float32)
    monkeypatch.setattr(calibrator, "_values", lambda: iter([("x", values)]))
    assert calibrator.minmax() == {"x": (-2.0, 3.0)}


def test_every_tensor_of_the_prepared_graph_has_a_shape(prepared: Path) -> None:
    model = onnx.load(prepared)
    assert shapes_missing(model) == []
    del model.graph.value_info[:]
    assert shapes_missing(model)


def test_there_are_sixteen_settings_all_different() -> None:
    assert len(SETTINGS) == len(set(SETTINGS)) == 16


def test_every_setting_is_tried_or_left_out_with_the_reason(plain: Release) -> None:
    tried = [
        (one.activation, one.per_channel, one.calibration, one.operators)
        for one in plain.record.trials
    ]
    assert tried == [
        (one.activation, one.per_channel, one.calibration, one.operators) for one in SETTINGS
    ]
    for one in plain.record.trials:
        assert (one.val_acc is None) == (one.skipped is not None or one.error is not None)
        if one.skipped:
            assert one.calibration == "percentile"
    assert sum(one.chosen for one in plain.record.trials) == 1
    assert plain.record.n_calibration == 128
    assert plain.record.n_search == 300


def test_the_chosen_trial_is_the_published_file(plain: Release, dataset: Digits) -> None:
    chosen = next(one for one in plain.record.trials if one.chosen)
    val = dataset.split_indices("val")
    judge = Judge.of(plain.path("onnx"), dataset.pixels(val), dataset.labels(val), dataset.spec, 1)
    again = judge.measure(plain.path("onnx_int8"), SETTINGS[0], 1)
    assert (again.val_acc, again.flips) == (chosen.val_acc, chosen.flips)
    assert judge.accuracy == plain.record.fp32_val_acc
    assert plain.record.quantization_summary.startswith("int8 with ")


def test_search_images_are_of_validation_and_calibration_images_of_training(
    model: nn.Module, dataset: Digits, tmp_path: Path
) -> None:
    read: list[int] = []

    class Recording(Digits):
        def pixels(self, indices: np.ndarray) -> np.ndarray:
            read.extend(int(index) for index in indices)
            return super().pixels(indices)

    watched = Recording(dataset.images, dataset.targets, dataset.spec)
    made = release(
        model,
        watched,
        tmp_path,
        formats=(),
        quantization=Quantization(
            calibration_images=20, max_search_images=30, max_accuracy_drop=0.2
        ),
    )
    assert made.record.artifacts[0].status == "exported", made.record.quantization_summary
    assert (made.record.n_calibration, made.record.n_search) == (20, 30)
    test = set(dataset.split_indices("test").tolist())
    assert not test & set(read)
    train = set(dataset.split_indices("train").tolist())
    assert len([index for index in read if index in train]) == 22  # two more to trace on
    assert len([index for index in read if index not in train]) == 30


class Fragile(nn.Module):
    """Digits whose decision rests on tiny differences beside one huge, useless channel, so that
    one scale for the whole tensor loses everything."""

    def __init__(self, good: nn.Module) -> None:
        super().__init__()
        self.good = good
        self.rescale = nn.Conv2d(1, 1, 1, bias=False)
        self.undo = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.rescale.weight, 1.0)
        nn.init.constant_(self.undo.weight, 1.0)

    def forward(self, images):  # type: ignore[no-untyped-def]
        spoiled = self.rescale(images)
        return self.good(self.undo(spoiled + 1e4) - 1e4)


def test_where_no_setting_is_good_enough_none_is_published_and_the_report_says_so(
    model: nn.Module, dataset: Digits, tmp_path: Path
) -> None:
    made = release(
        Fragile(model).eval(),
        dataset,
        tmp_path,
        formats=(),
        quantization=Quantization(calibration_images=32, max_search_images=100),
    )
    (artifact,) = made.record.artifacts
    assert artifact.status == "rejected"
    assert artifact.path is None
    assert artifact.reason == made.record.quantization_summary
    assert "no int8 file is published" in made.record.quantization_summary
    assert not any(one.chosen for one in made.record.trials)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def judge(plain: Release, dataset: Digits) -> Judge:
    val = dataset.split_indices("val")[:100]
    return Judge.of(plain.path("onnx"), dataset.pixels(val), dataset.labels(val), dataset.spec, 1)


def test_a_search_keeps_the_most_sensitive_nodes_in_float_when_that_saves_the_accuracy(
    plain: Release,
    dataset: Digits,
    judge: Judge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every setting is made to lose a little, unless some node is in float."""
    measured = Judge.measure

    def worse(self: Judge, path: Path, setting: Setting, size: int) -> QuantizationTrial:
        found = measured(self, path, setting, size)
        drop = 0.0 if setting.nodes_in_float else 0.02
        return found.model_copy(update={"val_acc_drop": drop, "flips": 2})

    monkeypatch.setattr(Judge, "measure", worse)
    monkeypatch.setattr(search, "SETTINGS", SETTINGS[:2])
    found = Search(
        model=plain.path("onnx"),
        calibration=dataset.pixels(np.arange(32)),
        judge=judge,
        spec=dataset.spec,
        max_drop=0.005,
        seconds=100,
        folder=tmp_path,
    )
    chosen = found.run()
    assert chosen == 2
    kept = found.trials[2].nodes_in_float
    assert len(kept) == 1
    graph = onnx.load(found.file_of(2)).graph
    weights = {tensor.name: tensor.data_type for tensor in graph.initializer}
    (node,) = (node for node in graph.node if node.name == kept[0])
    assert weights[node.input[1]] == onnx.TensorProto.FLOAT


def test_the_most_sensitive_block_is_that_whose_quantization_moves_the_logits_most(
    prepared: Path, dataset: Digits, judge: Judge, tmp_path: Path
) -> None:
    ranges = tmp_path / "minmax.json"
    low_high = Calibrator(prepared, dataset.pixels(np.arange(32)), dataset.spec, 1).minmax()
    victim = matrix_nodes(prepared)[1]
    (node,) = (n for n in onnx.load(prepared).graph.node if n.name == victim)
    low_high[node.output[0]] = (-1e4, 1e4)
    calibration.write_ranges(low_high, ranges)
    ordered = most_sensitive_first(prepared, ranges, SETTINGS[1], judge, tmp_path / "probe.onnx")
    assert ordered[0] == (victim,)
    assert len(ordered) == len(matrix_nodes(prepared)) == 3


@given(count=st.integers(0, 60), most=st.integers(1, 20))
def test_blocks_cover_all_nodes_in_order(count: int, most: int) -> None:
    nodes = [str(n) for n in range(count)]
    cut = blocks(nodes, most)
    assert [node for block in cut for node in block] == nodes
    assert len(cut) <= most


def test_settings_after_the_time_are_left_out_and_said_to_be(
    plain: Release, dataset: Digits, judge: Judge, tmp_path: Path
) -> None:
    found = Search(
        model=plain.path("onnx"),
        calibration=dataset.pixels(np.arange(8)),
        judge=judge,
        spec=dataset.spec,
        max_drop=0.005,
        seconds=-1,
        folder=tmp_path,
    )
    assert found.run() is None
    assert all("had used its" in (one.skipped or "") for one in found.trials)


def test_a_setting_the_quantizer_cannot_take_is_a_trial_with_its_error(
    plain: Release,
    dataset: Digits,
    judge: Judge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_prepared: Path, _ranges: Path, setting: Setting, target: Path) -> None:
        if setting.per_channel:
            raise IndexError("axis out of range")
        quantize(_prepared, _ranges, setting, target)

    monkeypatch.setattr(search, "quantize", refuse)
    monkeypatch.setattr(search, "SETTINGS", (SETTINGS[0], SETTINGS[2]))
    found = Search(
        model=plain.path("onnx"),
        calibration=dataset.pixels(np.arange(8)),
        judge=judge,
        spec=dataset.spec,
        max_drop=1.0,
        seconds=100,
        folder=tmp_path,
    )
    assert found.run() == 1
    assert found.trials[0].error == "IndexError: axis out of range"


# ---------------------------------------------------------------- choice and summary


def tried(drop: float, speed: float, size: int = 100, flips: int = 0) -> QuantizationTrial:
    return trial(
        SETTINGS[0],
        val_acc=0.9 - drop,
        val_acc_drop=drop,
        flips=flips,
        latency_ms=1 / speed,
        speedup=speed,
        size_bytes=size,
    )


@pytest.mark.parametrize(
    ("trials", "chosen"),
    [
        ([tried(0.02, 9.0), tried(0.0, 1.0)], 1),
        ([tried(0.02, 9.0), tried(0.01, 1.0)], None),
        ([tried(0.0, 2.0), tried(0.005, 3.0)], 1),
        ([tried(0.0, 2.0, 100), tried(0.0, 2.1, 90)], 1),
        ([tried(0.0, 2.0, 90), tried(0.0, 2.1, 100)], 0),
        ([tried(0.0, 2.0, 100, flips=3), tried(0.0, 2.05, 101, flips=1)], 1),
        ([tried(0.0, 2.0), tried(-0.004, 2.0)], 0),
        ([trial(SETTINGS[0], error="x"), tried(0.0, 0.5)], 1),
        ([], None),
    ],
    ids=["budget", "none", "fastest", "smaller", "smaller first", "flips", "gain", "slow", "empty"],
)
def test_the_choice_is_budget_then_speed_then_size_then_flips(
    trials: list[QuantizationTrial], chosen: int | None
) -> None:
    assert choose(trials, 0.005) == chosen


def test_a_drop_of_exactly_the_budget_is_within_it() -> None:
    assert in_budget(tried(5 / 1000, 1.0), 0.005)
    assert not in_budget(tried(6 / 1000, 1.0), 0.005)


@pytest.mark.parametrize(
    ("speed", "said"),
    [
        (0.5, "it is slower than fp32: 2.00 times the latency at batch 1."),
        (0.97, "it is no faster than fp32 at batch 1 (0.97 times the speed)."),
        (2.9, "it is 2.90 times as fast as fp32 at batch 1."),
    ],
)
def test_the_summary_says_how_fast_it_is_also_when_it_is_slower(speed: float, said: str) -> None:
    chosen = tried(0.001, speed, flips=1).model_copy(update={"chosen": True})
    text = summarise([chosen], 0.9, 1000, 0.005)
    assert text.endswith(said)
    assert "89.90 % against 90.00 % in fp32, 1 decision differs." in text


def test_the_summary_of_a_rejection_names_the_best_and_what_it_lost() -> None:
    text = summarise([tried(0.3, 1.0), tried(0.02, 1.0)], 0.9, 500, 0.005)
    assert "within 0.50 points" in text
    assert "The best lost 2.00 points" in text


def test_the_summary_of_a_search_that_measured_nothing_gives_an_error() -> None:
    text = summarise([trial(SETTINGS[0], error="ValueError: no")], 0.9, 500, 0.005)
    assert "ValueError: no" in text
