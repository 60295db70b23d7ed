"""A model file small enough to check by hand: a fixed matrix over the pixels of a 4x6 image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from seatrial.evidence.records import ModelMetadata, Preprocessing
from seatrial.onnx_sessions import METADATA_KEY

CLASSES = ("ant", "bee", "cat")
HEIGHT, WIDTH = 4, 6


def matrix() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(HEIGHT * WIDTH * 3, 3)).astype(np.float32)


def metadata(embedded: bool = False) -> ModelMetadata:
    spec = Preprocessing(
        height=HEIGHT,
        width=WIDTH,
        channels=3,
        resize="stretch",
        interpolation="bilinear",
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.25, 0.3),
    )
    return ModelMetadata(
        name="tiny",
        classes=CLASSES,
        preprocessing=spec,
        embedded_preprocessing=embedded,
        output="probabilities" if embedded else "logits",
        format="onnx",
        colour_order="RGB",
        checkpoint_sha256="0" * 64,
    )


def save_model(
    path: Path, embedded: bool = False, weights: np.ndarray | None = None, note: bool = True
) -> Path:
    """Write the model, with or without preprocessing inside the graph; return its path."""
    spec = metadata().preprocessing
    constants = {
        "weights": matrix() if weights is None else weights,
        "divisor": np.float32(255),
        "mean": np.array(spec.mean, np.float32).reshape(1, 3, 1, 1),
        "std": np.array(spec.std, np.float32).reshape(1, 3, 1, 1),
    }
    nodes = [
        helper.make_node("Flatten", ["ready" if embedded else "input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits" if embedded else "output"]),
    ]
    if embedded:
        nodes = [
            helper.make_node("Div", ["input", "divisor"], ["unit"]),
            helper.make_node("Sub", ["unit", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "std"], ["ready"]),
            *nodes,
            helper.make_node("Softmax", ["logits"], ["output"], axis=1),
        ]
    shape = ["batch_size", 3, HEIGHT, WIDTH]
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", 3])],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in constants.items()
            if name in used
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    if note:
        helper.set_model_props(model, {METADATA_KEY: metadata(embedded).model_dump_json()})
    onnx.save(model, path)
    return path
