"""Ranges of a graph's activations over calibration images, a few at a time.

onnxruntime's own calibrators keep every activation of every image for percentiles. These read
the same tensors in groups that fit a bound, one small batch after the other, and keep two numbers
or one histogram a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData, save_tensors_data

from seatrial.evidence.records import Preprocessing
from seatrial.onnx_sessions import INPUT_NAME
from seatrial.preprocessing import Pixels, normalise

BOUND_BYTES = 128 << 20
"""Activations held at a time, over all tensors of a group and images of a batch."""

PERCENTILE = 99.99
"""Share of values inside the range, in per cent; the rest is cut off in equal parts on either
side. TensorRT's default."""

_LARGEST_BATCH = 32
_BINS = 4096
_SAMPLED_VALUES = 1 << 14
_STRIDE_MULTIPLE = 2

Floats = npt.NDArray[np.float32]
Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Tensor:
    """An activation and how many bytes it takes for one image."""

    name: str
    bytes_per_image: int


def activations(model: onnx.ModelProto) -> list[Tensor]:
    """The float32 tensors between a graph's nodes, its input and output included.

    Sizes come from the shapes in the file, the batch axis as 1, unknown axes too.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    used = {name for node in graph.node for name in (*node.input, *node.output)}
    found = []
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        if value.name in constants or value.name not in used:
            continue
        if kind.elem_type == onnx.TensorProto.FLOAT:
            sizes = [max(int(dim.dim_value), 1) for dim in kind.shape.dim]
            found.append(Tensor(value.name, 4 * int(np.prod(sizes, dtype=np.int64))))
    return found


def grouped(tensors: Sequence[Tensor], bound: int = BOUND_BYTES) -> list[list[Tensor]]:
    """The tensors in order, cut into groups of at most ``bound`` bytes for one image.

    A tensor larger than the bound is a group of its own.
    """
    groups: list[list[Tensor]] = []
    held = bound + 1
    for tensor in tensors:
        if held + tensor.bytes_per_image > bound:
            groups.append([])
            held = 0
        groups[-1].append(tensor)
        held += tensor.bytes_per_image
    return groups


class Calibrator:
    """Reads a graph's activations on calibration images.

    :param path: the prepared graph, with shapes.
    :param pixels: ``(N, H, W, C)`` uint8 images; may be a memory map.
    :param bound: bytes of activations held at a time, as far as one image allows.
    """

    def __init__(
        self,
        path: Path,
        pixels: Pixels,
        spec: Preprocessing,
        threads: int,
        bound: int = BOUND_BYTES,
    ) -> None:
        self._model = onnx.load(str(path))
        self._pixels, self._spec, self._threads = pixels, spec, threads
        self._bound = bound
        self._groups = grouped(activations(self._model), bound)

    def minmax(self) -> Ranges:
        """Smallest and largest finite value of each tensor."""
        ranges: Ranges = {}
        for name, values in self._values():
            low, high = ranges.get(name, (np.inf, -np.inf))
            finite = values[np.isfinite(values)] if not _all_finite(values) else values
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            ranges[name] = low, high
        return {name: pair for name, pair in ranges.items() if pair[0] <= pair[1]}

    def percentile(self, ranges: Mapping[str, tuple[float, float]]) -> Ranges:
        """Range of the middle :data:`PERCENTILE` per cent of each tensor's values.

        :param ranges: of :meth:`minmax`. At most 16,384 values of a tensor and batch are counted,
            at even distances.
        """
        counts = {name: np.zeros(_BINS, dtype=np.int64) for name in ranges}
        for name, values in self._values():
            if name in ranges and ranges[name][0] < ranges[name][1]:
                counts[name] += _counted(_sampled(values), ranges[name])
        return {name: _middle(counts[name], ranges[name]) for name in ranges}

    def _values(self) -> Iterator[tuple[str, Floats]]:
        for group in self._groups:
            per_image = sum(tensor.bytes_per_image for tensor in group)
            batch = int(np.clip(self._bound // max(per_image, 1), 1, _LARGEST_BATCH))
            session = self._session(group)
            names = [value.name for value in session.get_outputs()]
            for start in range(0, len(self._pixels), batch):
                images = normalise(np.asarray(self._pixels[start : start + batch]), self._spec)
                if any(tensor.name == INPUT_NAME for tensor in group):
                    yield INPUT_NAME, images.reshape(-1)
                outputs = session.run(names, {INPUT_NAME: images}) if names else []
                for name, value in zip(names, outputs, strict=True):
                    yield name, value.reshape(-1)

    def _session(self, group: Sequence[Tensor]) -> onnxruntime.InferenceSession:
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        known = {value.name: value for value in (*model.graph.value_info, *model.graph.output)}
        wanted = [known[tensor.name] for tensor in group if tensor.name in known]
        del model.graph.output[:]
        model.graph.output.extend(wanted)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )


def write_ranges(ranges: Mapping[str, tuple[float, float]], path: Path) -> None:
    """Write ranges as the calibration file that onnxruntime's quantizer reads."""
    data = {
        name: (np.array([low], dtype=np.float32), np.array([high], dtype=np.float32))
        for name, (low, high) in sorted(ranges.items())
    }
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, data), path)


def _all_finite(values: Floats) -> bool:
    return bool(np.isfinite(values.sum(dtype=np.float64)))


def _sampled(values: Floats) -> Floats:
    # An odd stride, so that it does not fall in step with even rows and channels.
    stride = max(1, -(-values.size // _SAMPLED_VALUES))
    return values[:: stride if stride % _STRIDE_MULTIPLE else stride + 1]


def _counted(values: Floats, limits: tuple[float, float]) -> npt.NDArray[np.int64]:
    """Values by bin, in float64: in float32 a narrow range far from zero has fewer steps than
    bins."""
    low, high = limits
    places = (values[np.isfinite(values)].astype(np.float64) - low) * (_BINS / (high - low))
    return np.bincount(np.clip(places.astype(np.int64), 0, _BINS - 1), minlength=_BINS)


def _middle(counts: npt.NDArray[np.int64], limits: tuple[float, float]) -> tuple[float, float]:
    total = int(counts.sum())
    if total == 0:
        return limits
    cut = (100 - PERCENTILE) / 200
    share = np.cumsum(counts) / total
    edges = np.linspace(*limits, len(counts) + 1)
    low = int(np.searchsorted(share, cut, side="right"))
    high = int(np.searchsorted(share, 1 - cut, side="left"))
    return float(edges[min(low, len(counts) - 1)]), float(edges[min(high, len(counts) - 1) + 1])
