"""Exported files and what they say of themselves, at ``predict``, ``load-test`` and ``verify``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from reliability.malformed.case import Build, Case, writes
from tiny_onnx import save_model

PREDICT = ("predict", "--model", "m.onnx", "--input", "images/test/day/00.png")
LOAD_TEST = ("load-test", "--model", "m.onnx", "--num-requests", "2")


def _case(name: str, build: Build, *says: str, arguments: tuple[str, ...] = PREDICT) -> Case:
    return Case(name, arguments, 3, ("m.onnx", *says), build)


def _model(name: str, change: Callable[[Any], object], *says: str) -> Case:
    """The healthy model, changed as a protobuf."""

    def build(project: Path) -> None:
        model = onnx.load(project / "m.onnx")
        change(model)
        (project / "m.onnx").write_bytes(model.SerializeToString())

    return _case(name, build, *says)


def _metadata(name: str, change: Callable[[Any], object], *says: str) -> Case:
    """The healthy model, with what it says of itself changed."""

    def edit(model: Any) -> None:
        entry = model.metadata_props[0]
        value = json.loads(entry.value)
        returned = change(value)
        entry.value = json.dumps(value if returned is None else returned)

    return _model(name, edit, *says)


def _raw_metadata(name: str, text: str, *says: str) -> Case:
    def edit(model: Any) -> None:
        model.metadata_props[0].value = text

    return _model(name, edit, *says)


def _cut(part: float) -> Build:
    def build(project: Path) -> None:
        content = (project / "m.onnx").read_bytes()
        (project / "m.onnx").write_bytes(content[: int(len(content) * part)])

    return build


def _input_shape(*shape: int | str) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        del model.graph.input[:]
        value = helper.make_tensor_value_info("input", TensorProto.FLOAT, list(shape))
        model.graph.input.append(value)

    return edit


def _weights_of_another_shape(model: Any) -> None:
    del model.graph.initializer[:]
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((5, 7), np.float32), "weights"))


def _lying_dimensions(model: Any) -> None:
    model.graph.initializer[0].dims[0] = 1 << 40


def _external(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../outside/secret.txt"


def _unknown_operator(model: Any) -> None:
    model.graph.node[1].op_type = "Frobnicate"


def _unknown_domain(model: Any) -> None:
    model.graph.node[1].domain = "com.nobody"


def _cycle(model: Any) -> None:
    model.graph.node[0].input[0] = "output"


def _not_finite(project: Path) -> None:
    save_model(project / "m.onnx", weights=np.full((72, 3), np.nan, np.float32))


def _no_note(project: Path) -> None:
    save_model(project / "m.onnx", note=False)


def _folder(project: Path) -> None:
    (project / "m.onnx").unlink()
    (project / "m.onnx").mkdir()


def _absent(project: Path) -> None:
    (project / "m.onnx").unlink()


def _set(key: str, value: object) -> Callable[[Any], None]:
    def change(metadata: Any) -> None:
        metadata[key] = value

    return change


def _set_preprocessing(key: str, value: object) -> Callable[[Any], None]:
    def change(metadata: Any) -> None:
        metadata["preprocessing"][key] = value

    return change


def _drop(key: str) -> Callable[[Any], None]:
    def change(metadata: Any) -> None:
        del metadata[key]

    return change


CASES = (
    _case("no file", _absent, "no such file"),
    _case("a folder", _folder),
    _case("empty", writes("m.onnx", b""), "empty"),
    _case("text", writes("m.onnx", b"not onnx"), "onnx"),
    _case("noise", writes("m.onnx", bytes(range(256)) * 40), "onnx"),
    _case("the runtime's own format", writes("m.onnx", b"\x10\0\0\0ORTM" + bytes(64)), "ONNX"),
    _case("a field longer than the file", writes("m.onnx", b"\x3a\xff\xff\xff\xff\x07"), "onnx"),
    _case("nested without end", writes("m.onnx", b"\x3a\x7f" * 5000), "onnx"),
    _case("cut at a tenth", _cut(0.1)),
    _case("cut in the middle", _cut(0.5)),
    _case("cut near the end", _cut(0.97)),
    _case("no metadata", _no_note, "metadata"),
    _case("empty, under load", writes("m.onnx", b""), "empty", arguments=LOAD_TEST),
    _case("no metadata, under load", _no_note, "metadata", arguments=LOAD_TEST),
    _model("no graph", lambda model: model.ClearField("graph")),
    _model("no operators", lambda model: model.graph.ClearField("node")),
    _model(
        "an operator set of the future",
        lambda model: setattr(model.opset_import[0], "version", 9999),
    ),
    _model("a version of the future", lambda model: setattr(model, "ir_version", 9999)),
    _model("an unknown operator", _unknown_operator),
    _model("operators of nobody's", _unknown_domain),
    _model("a cycle", _cycle),
    _model("weights of another shape", _weights_of_another_shape),
    _model("weights that lie about their size", _lying_dimensions),
    _model("weights in another file", _external, "other files"),
    _model("another input", _input_shape("batch_size", 1, 4, 6)),
    _model("an input of no axes", _input_shape()),
    _model("an input of exapixels", _input_shape("batch_size", 3, 1 << 31, 1 << 31)),
    _model("a fixed batch of seven", _input_shape(7, 3, 4, 6)),
    _raw_metadata("metadata that is no JSON", "{", "metadata"),
    _raw_metadata("metadata that is empty", "", "metadata"),
    _raw_metadata("metadata that is a list", "[]", "metadata"),
    _raw_metadata("metadata nested deep", "[" * 100_000, "metadata"),
    _raw_metadata("metadata of a megabyte of digits", "9" * 1_000_000, "metadata"),
    _metadata("an unknown version", _set("schema_version", 2), "schema_version"),
    _metadata("an unknown key", _set("code", "import os"), "code"),
    _metadata("no classes", _set("classes", []), "disagree"),
    _metadata("too many classes", _set("classes", list("abcdefghi")), "disagree"),
    _metadata("a class twice", _set("classes", ["ant", "ant", "cat"]), "classes"),
    _metadata("numbers for classes", _set("classes", [1, 2, 3]), "classes"),
    _metadata("classes absent", _drop("classes"), "classes"),
    _metadata("no preprocessing", _drop("preprocessing"), "preprocessing"),
    _metadata("two means", _set_preprocessing("mean", [0.1, 0.2]), "mean"),
    _metadata("a deviation of zero", _set_preprocessing("std", [0.0, 0.1, 0.1]), "std"),
    _metadata("a negative deviation", _set_preprocessing("std", [-1.0, 0.1, 0.1]), "std"),
    _metadata(
        "a mean that is not a number", _set_preprocessing("mean", [float("nan")] * 3), "metadata"
    ),
    _metadata("two channels", _set_preprocessing("channels", 2), "channels"),
    _metadata("a negative height", _set_preprocessing("height", -4), "height"),
    _metadata("a height of a billion", _set_preprocessing("height", 10**9), "height"),
    _metadata("an unknown filter", _set_preprocessing("interpolation", "magic"), "interpolation"),
    _metadata("another output", _set("output", "boxes"), "output"),
    Case("weights that are not finite", PREDICT, 3, ("00.png", "not finite"), _not_finite),
    Case(
        "a torch file",
        ("predict", "--model", "x.pt", "--input", "images"),
        3,
        ("x.pt", "ONNX"),
        writes("x.pt", b"PK"),
    ),
    Case(
        "an image for a model",
        ("predict", "--model", "images/test/day/00.png", "--input", "x"),
        3,
        ("00.png",),
    ),
)
