"""ONNX files that read other files or take memory without end."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from reliability.payloads import Payload
from tiny_onnx import save_model

SECRET = np.arange(216, dtype=np.float32).reshape(72, 3) + 12345
_MEMORY = 3 << 30


def _model(folder: Path) -> onnx.ModelProto:
    path = save_model(folder / "honest.onnx")
    model = onnx.load(path)
    path.unlink()
    return model


def _outside(folder: Path, location: str) -> bytes:
    model = _model(folder)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    content: bytes = model.SerializeToString()
    return content


def _secret(folder: Path) -> Path:
    path = folder.parent / "secret.bin"
    path.write_bytes(SECRET.tobytes())
    return path


def _relative(folder: Path, _canary: Path) -> bytes:
    return _outside(folder, f"../{_secret(folder).name}")


def _absolute(folder: Path, _canary: Path) -> bytes:
    return _outside(folder, str(_secret(folder).resolve()))


def _hard_link(folder: Path, _canary: Path) -> bytes:
    (folder / "weights.bin").unlink(missing_ok=True)
    os.link(_secret(folder), folder / "weights.bin")
    return _outside(folder, "weights.bin")


def _symbolic_link(folder: Path, _canary: Path) -> bytes:
    (folder / "weights_link.bin").unlink(missing_ok=True)
    (folder / "weights_link.bin").symlink_to(_secret(folder).resolve())
    return _outside(folder, "weights_link.bin")


def _beside(folder: Path, _canary: Path) -> bytes:
    (folder / "beside.bin").write_bytes(SECRET.tobytes())
    return _outside(folder, "beside.bin")


def _with(folder: Path, nodes: list[onnx.NodeProto], *tensors: onnx.TensorProto) -> bytes:
    """The honest model with more in it, so that its output depends on it."""
    model = _model(folder)
    last = model.graph.node[-1]
    last.output[0] = "answer"
    model.graph.node.extend(nodes)
    model.graph.node.append(helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", ["answer", "sum"], ["output"]))
    model.graph.initializer.extend(tensors)
    content: bytes = model.SerializeToString()
    return content


def _sizes(*sizes: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(sizes, np.int64), "sizes")


def _constant_of_shape(folder: Path, _canary: Path) -> bytes:
    node = helper.make_node("ConstantOfShape", ["sizes"], ["large"])
    return _with(folder, [node], _sizes(1 << 16, 1 << 16))


def _expand(folder: Path, _canary: Path) -> bytes:
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    node = helper.make_node("Expand", ["one", "sizes"], ["large"])
    return _with(folder, [node], _sizes(1 << 16, 1 << 16), one)


def _tile(folder: Path, _canary: Path) -> bytes:
    one = numpy_helper.from_array(np.ones((1, 1), np.float32), "one")
    node = helper.make_node("Tile", ["one", "sizes"], ["large"])
    return _with(folder, [node], _sizes(1 << 15, 1 << 15), one)


def _laughing_loop(folder: Path, _canary: Path) -> bytes:
    """A loop that doubles what it carries, forty times."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Concat", ["carried", "carried"], ["doubled"], axis=0),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, [None]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("doubled", TensorProto.FLOAT, [None]),
        ],
    )
    times = numpy_helper.from_array(np.array(40, np.int64), "times")
    yes = numpy_helper.from_array(np.array(True), "yes")
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    node = helper.make_node("Loop", ["times", "yes", "one"], ["large"], body=body)
    return _with(folder, [node], times, yes, one)


def reads_the_secret(path: Path) -> bool:
    """Whether onnxruntime answers with what stands in the other file."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    image = np.zeros((1, 3, 4, 6), np.float32)
    image[0, 0, 0, 0] = 1
    return bool(np.array_equal(session.run(None, {"input": image})[0][0], SECRET[0]))


def leads_to_the_secret(path: Path) -> bool:
    """Whether a reader that follows the path as it stands, as onnxruntime did, gets the secret."""
    (tensor,) = onnx.load(path, load_external_data=False).graph.initializer
    (location,) = [entry.value for entry in tensor.external_data if entry.key == "location"]
    return (path.parent / location).read_bytes() == SECRET.tobytes()


def takes_the_memory(path: Path) -> bool:
    """Whether onnxruntime asks for more than three GiB for a file of a few hundred bytes."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    image = np.zeros((1, 3, 4, 6), np.float32)
    try:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        session.run(None, {"input": image})
    except Exception as error:  # onnxruntime raises a class of its own for each status
        words = str(error).lower()
        return "alloc" in words or "memory" in words or "bad_alloc" in words
    return False


PAYLOADS = [
    Payload("outside_relative", ".onnx", _relative, leads_to_the_secret),
    Payload("outside_absolute", ".onnx", _absolute, leads_to_the_secret),
    Payload("outside_hard_link", ".onnx", _hard_link, reads_the_secret),
    Payload("outside_symbolic_link", ".onnx", _symbolic_link, leads_to_the_secret),
    Payload("outside_beside", ".onnx", _beside, reads_the_secret),
    Payload("large_constant", ".onnx", _constant_of_shape, takes_the_memory),
    Payload("large_expand", ".onnx", _expand, takes_the_memory),
    Payload("large_tile", ".onnx", _tile, takes_the_memory),
    Payload("laughing_loop", ".onnx", _laughing_loop, takes_the_memory),
]
