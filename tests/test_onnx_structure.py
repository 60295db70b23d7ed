"""An ONNX file is judged by its bytes, before onnxruntime or a byte of memory is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from seatrial.onnx_structure import Malformed, read, reading
from seatrial.onnx_structure.wire import BYTES, FIXED32, FIXED64, MESSAGES, VARINT
from tiny_onnx import save_model

Spoil = Callable[[onnx.ModelProto], None]

WIRE = {1: FIXED64, 2: FIXED32, **dict.fromkeys((9, 11, 12), BYTES)}
WIRE |= dict.fromkeys((3, 4, 5, 13, 14), VARINT)
"""The wire type of each FieldDescriptor.type that ONNX uses."""


def descriptor(message: str) -> onnx.ModelProto.DESCRIPTOR.__class__:
    outer, *inner = message.split(".")
    found = getattr(onnx, outer)
    for name in inner:
        found = getattr(found, name)
    return found.DESCRIPTOR


@pytest.mark.parametrize("message", MESSAGES)
def test_the_table_of_messages_is_that_of_the_installed_onnx(message: str) -> None:
    ours = {number: (field.name, field.wire) for number, field in MESSAGES[message].items()}
    theirs = {f.number: (f.name, WIRE[f.type]) for f in descriptor(message).fields}
    assert ours == theirs
    for field in descriptor(message).fields:
        nested = MESSAGES[message][field.number].message
        if nested:
            assert field.message_type is descriptor(nested)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return save_model(tmp_path / "m.onnx", embedded=True).read_bytes()


def test_the_reading_agrees_with_onnx(content: bytes) -> None:
    ours, theirs = read(content), onnx.load_from_string(content)
    assert [value.name for value in ours.inputs] == [value.name for value in theirs.graph.input]
    assert ours.inputs[0].shape == ("batch_size", 3, 4, 6)
    assert ours.outputs[0].shape == ("batch_size", 3)
    assert ours.nodes == len(theirs.graph.node)
    assert ours.metadata == {entry.key: entry.value for entry in theirs.metadata_props}


def nest(depth: int) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        graph = helper.make_graph([], "innermost", [], [])
        for _ in range(depth):
            node = helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)
            graph = helper.make_graph([node], "around", [], [])
        model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph))

    return spoil


def node(operator: str, *inputs: str, domain: str = "") -> Spoil:
    return lambda model: model.graph.node.append(
        helper.make_node(operator, list(inputs), ["made"], domain=domain)
    )


def dims(*sizes: int) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(sizes)

    return spoil


def sized(operator: str, position: int, sizes: list[int], *, raw: bool) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        if raw:
            tensor = numpy_helper.from_array(np.array(sizes, np.int64), "sizes")
        else:
            tensor = helper.make_tensor("sizes", TensorProto.INT64, [len(sizes)], sizes)
        model.graph.initializer.append(tensor)
        inputs = ["input"] * position + ["sizes"]
        model.graph.node.append(helper.make_node(operator, inputs, ["made"]))

    return spoil


def constant_size(model: onnx.ModelProto) -> None:
    sizes = numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64))
    model.graph.node.extend(
        [
            helper.make_node("Constant", [], ["sizes"], value=sizes),
            helper.make_node("ConstantOfShape", ["sizes"], ["made"]),
        ]
    )


def output_axis(size: int) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = size

    return spoil


def long_note(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="note", value="x" * reading.MOST_METADATA_BYTES)


def function(model: onnx.ModelProto) -> None:
    body = helper.make_function("ai.onnx", "Own", ["x"], ["y"], [], [])
    model.functions.append(body)


def text_tensor(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("t", TensorProto.STRING, [1], [b"x"]))


def second_graph(model: onnx.ModelProto) -> bytes:
    content = model.SerializeToString()
    return content + onnx.ModelProto(graph=model.graph).SerializeToString()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (dims(1 << 40, 3), "elements, 268435456 allowed"),
        (dims(-1, 3), "an axis of -1"),
        (dims(1 << 20, 3), "claims 3145728 elements and holds 216"),
        (dims(*[1] * 40), "40 axes"),
        (output_axis(1 << 40), "elements, 268435456 allowed"),
        (output_axis(-5), "an axis of -5"),
        (nest(8), "nested more than 6 deep"),
        (node("Loop", "a", "b"), "operator Loop"),
        (node("Scan", "a"), "operator Scan"),
        (node("SequenceConstruct", "a"), "operator SequenceConstruct"),
        (node("Own", "a", domain="com.stranger"), "domain 'com.stranger'"),
        (node("EPContext", "a", domain="com.microsoft"), "'EPContext' of com.microsoft"),
        (sized("Expand", 1, [1 << 20, 1 << 20], raw=True), "Expand makes a tensor"),
        (sized("Tile", 1, [1 << 20, 1 << 20], raw=False), "Tile makes a tensor"),
        (sized("ConstantOfShape", 0, [1 << 50], raw=True), "ConstantOfShape makes a tensor"),
        (constant_size, "ConstantOfShape makes a tensor"),
        (long_note, "metadata of more than"),
        (function, "functions"),
        (text_tensor, "tensors of text"),
        (second_graph, "graph twice"),
    ],
)
def test_what_no_export_of_ours_holds_is_refused(content: bytes, spoil: Spoil, words: str) -> None:
    model = onnx.load_from_string(content)
    made = spoil(model)
    with pytest.raises(Malformed) as caught:
        read(made if isinstance(made, bytes) else model.SerializeToString())
    assert words in str(caught.value)


def test_two_shallow_graphs_inside_each_other_pass(content: bytes) -> None:
    model = onnx.load_from_string(content)
    nest(2)(model)
    assert read(model.SerializeToString()).nodes > 6


@given(st.data())
def test_damage_is_refused_or_read_and_never_an_error_of_another_kind(data: st.DataObject) -> None:
    good = EXAMPLE
    cut = data.draw(st.integers(0, len(good)))
    place = data.draw(st.integers(0, len(good) - 1))
    flipped = data.draw(st.integers(1, 255))
    damaged = bytearray(good[:cut] if data.draw(st.booleans()) else good)
    if place < len(damaged):
        damaged[place] ^= flipped
    try:
        read(bytes(damaged))
    except Malformed as refusal:
        assert "\n" not in str(refusal)


def _example() -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return save_model(Path(folder) / "m.onnx", embedded=True).read_bytes()


EXAMPLE = _example()
