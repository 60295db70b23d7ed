"""Walks an ONNX model and refuses what no export of Seatrial holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from seatrial.onnx_structure.operators import ALLOCATING, operator_problem
from seatrial.onnx_structure.wire import Field, Malformed, count, fields, integers, signed, text

MOST_BYTES = (1 << 31) - 1
"""What protocol buffers allow a message."""
MOST_METADATA_BYTES = 4 << 20
"""A million classes have longer names than this; ImageNet's 21,841 take 0.7 MB."""
MOST_NODES = 200_000
MOST_DEPTH = 6
"""Graphs inside graphs."""
MOST_ELEMENTS = 1 << 28
"""Of one tensor for one image, or of one constant: 1 GiB of float32."""
MOST_DIMENSIONS = 16
_SHOWN = 80

_SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""Bytes an element by TensorProto.DataType, of the types that weights and indices have."""
_EXTERNAL = 1
_TYPED = frozenset({"float_data", "int32_data", "int64_data", "double_data", "uint64_data"})
_REFUSED = {
    "functions": "functions",
    "training_info": "instructions for training",
    "configuration": "settings for devices",
    "device_configurations": "settings for devices",
    "sparse_initializer": "sparse tensors",
    "sparse_tensor": "sparse tensors",
    "sparse_tensors": "sparse tensors",
    "quantization_annotation": "annotations for quantization",
    "tp": "types as attributes",
    "type_protos": "types as attributes",
    "segment": "tensors in segments",
    "string_data": "tensors of text",
    "sequence_type": "values that are no tensors",
    "map_type": "values that are no tensors",
    "opaque_type": "values that are no tensors",
    "sparse_tensor_type": "values that are no tensors",
    "optional_type": "values that are no tensors",
    "ref_attr_name": "attributes of functions",
    "overload": "overloads of functions",
}
"""What a file of ours never holds, by field; some of it names files, some of it explodes."""


@dataclass(frozen=True)
class Value:
    """An input or output: its name, and its axes as a number, a name, or nothing."""

    name: str
    shape: tuple[int | str, ...]


@dataclass
class Structure:
    """What an ONNX file says of itself, read without any of it being run."""

    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    nodes: int = 0


def read(content: bytes | memoryview) -> Structure:
    """The structure of an ONNX model.

    :raises Malformed: not an ONNX model; or one that keeps tensors in other files, has operators
        of other domains or such that loop, claims more than its bytes, or is too large or too
        deeply nested.
    """
    if len(content) > MOST_BYTES:
        raise Malformed(f"{len(content)} bytes, {MOST_BYTES} allowed")
    structure = Structure()
    metadata_bytes = graphs = 0
    for found, value in fields(memoryview(content), "ModelProto"):
        _refuse(found)
        if isinstance(value, int):
            continue
        if found.name == "graph":
            graphs += 1
            _graph(value, structure, depth=1)
        elif found.name == "metadata_props":
            metadata_bytes += len(value)
            if metadata_bytes > MOST_METADATA_BYTES:
                raise Malformed(f"metadata of more than {MOST_METADATA_BYTES} bytes")
            key, entry = _entry(value)
            structure.metadata[key] = entry
    if graphs != 1:
        raise Malformed(f"{graphs} graphs, one required")
    return structure


def _refuse(found: Field) -> None:
    if found.name in _REFUSED:
        raise Malformed(f"it holds {_REFUSED[found.name]}")


def _entry(content: memoryview) -> tuple[str, str]:
    parts = {found.name: text(value) for found, value in fields(content, "StringStringEntryProto")}
    return parts.get("key", ""), parts.get("value", "")


@dataclass
class _Node:
    """A node as far as it is judged."""

    operator: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    constants: list[tuple[int, ...] | None] = field(default_factory=list)
    """The integers of its tensor attributes."""


def _graph(content: memoryview, structure: Structure, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise Malformed(f"graphs nested more than {MOST_DEPTH} deep")
    constants: dict[str, tuple[int, ...] | None] = {}
    nodes: list[_Node] = []
    for found, value in fields(content, "GraphProto"):
        _refuse(found)
        if isinstance(value, int):
            continue
        if found.name == "node":
            structure.nodes += 1
            if structure.nodes > MOST_NODES:
                raise Malformed(f"more than {MOST_NODES} nodes")
            nodes.append(_node(value, structure, depth))
        elif found.name == "initializer":
            name, numbers = _tensor(value)
            constants[name] = numbers
        elif found.name in ("input", "output", "value_info"):
            described = _value(value)
            if depth == 1 and found.name == "input":
                structure.inputs.append(described)
            elif depth == 1 and found.name == "output":
                structure.outputs.append(described)
    _judge(nodes, constants)


def _judge(nodes: Sequence[_Node], constants: dict[str, tuple[int, ...] | None]) -> None:
    """Refuse operators, and sizes that a node is told by a constant."""
    for node in nodes:
        if node.operator == "Constant" and node.constants:
            constants.update(dict.fromkeys(node.outputs, node.constants[0]))
    for node in nodes:
        problem = operator_problem(node.domain, node.operator)
        if problem:
            raise Malformed(problem)
        for position in ALLOCATING.get(node.operator, ()):
            name = node.inputs[position] if position < len(node.inputs) else ""
            numbers = constants.get(name) or ()
            size = math.prod(max(1, abs(number)) for number in numbers)
            if size > MOST_ELEMENTS:
                raise Malformed(f"{node.operator} makes a tensor of {size} elements")


def _node(content: memoryview, structure: Structure, depth: int) -> _Node:
    node = _Node()
    for found, value in fields(content, "NodeProto"):
        _refuse(found)
        if found.name == "op_type":
            node.operator = text(value)
        elif found.name == "domain":
            node.domain = text(value)
        elif found.name == "input":
            node.inputs.append(text(value))
        elif found.name == "output":
            node.outputs.append(text(value))
        elif found.name == "attribute" and not isinstance(value, int):
            numbers = _attribute(value, structure, depth)
            if numbers is not None:
                node.constants.append(numbers)
    return node


def _attribute(content: memoryview, structure: Structure, depth: int) -> tuple[int, ...] | None:
    """The integers that an attribute holds, if it holds any."""
    numbers: tuple[int, ...] | None = None
    for found, value in fields(content, "AttributeProto"):
        _refuse(found)
        if found.name in ("i", "ints"):
            numbers = (*(numbers or ()), *integers(value))
        elif isinstance(value, int):
            continue
        elif found.name in ("g", "graphs"):
            _graph(value, structure, depth + 1)
        elif found.name in ("t", "tensors"):
            _, inside = _tensor(value)
            numbers = inside if inside is not None else numbers
    return numbers


def _tensor(content: memoryview) -> tuple[str, tuple[int, ...] | None]:
    """A tensor's name and, where it is a short one of whole numbers, its values."""
    name, kind, dims = "", 0, list[int]()
    raw: memoryview | None = None
    typed, numbers, external = 0, list[int](), False
    for found, value in fields(content, "TensorProto"):
        _refuse(found)
        if found.name == "name":
            name = text(value)
        elif found.name == "data_type" and isinstance(value, int):
            kind = value
        elif found.name == "external_data" or (found.name, value) == ("data_location", _EXTERNAL):
            external = True
        elif found.name == "dims":
            dims += integers(value)
        elif found.name == "raw_data" and not isinstance(value, int):
            raw = value
        elif found.name in _TYPED:
            typed += count(found, value)
            if found.name == "int64_data" and typed <= MOST_DIMENSIONS:
                numbers += integers(value)
    if external:
        raise Malformed(f"it keeps weights in other files ({name[:_SHOWN]})")
    _claims(name, kind, dims, raw, typed)
    if raw is not None and kind == 7 and len(raw) <= 8 * MOST_DIMENSIONS:
        numbers = [
            int.from_bytes(raw[start : start + 8], "little", signed=True)
            for start in range(0, len(raw), 8)
        ]
    return name, tuple(numbers) if kind == 7 else None


def _claims(name: str, kind: int, dims: Sequence[int], raw: memoryview | None, typed: int) -> None:
    """Refuse a tensor whose shape is not that of the bytes it has."""
    shown = repr(name[:_SHOWN])
    if kind not in _SIZES:
        raise Malformed(f"tensor {shown} is of type {kind}, which no model of ours has")
    elements = elements_of(f"tensor {shown}", dims)
    held = typed if raw is None else len(raw) / _SIZES[kind]
    if held != elements:
        raise Malformed(f"tensor {shown} claims {elements} elements and holds {held:g}")


def elements_of(what: str, dims: Sequence[int]) -> int:
    """The elements of a shape.

    :raises Malformed: an axis is negative, or there are too many axes or elements.
    """
    if len(dims) > MOST_DIMENSIONS:
        raise Malformed(f"{what} has {len(dims)} axes, {MOST_DIMENSIONS} allowed")
    if any(size < 0 for size in dims):
        raise Malformed(f"{what} has an axis of {min(dims)}")
    elements = math.prod(dims)
    if elements > MOST_ELEMENTS or any(size > MOST_ELEMENTS for size in dims):
        raise Malformed(f"{what} has {elements} elements, {MOST_ELEMENTS} allowed")
    return elements


def _value(content: memoryview) -> Value:
    name, shape = "", list[int | str]()
    for found, value in fields(content, "ValueInfoProto"):
        if found.name == "name":
            name = text(value)
        elif found.name == "type" and not isinstance(value, int):
            shape = _shape(value)
    elements_of(f"{name[:_SHOWN]!r}", [size for size in shape if isinstance(size, int)])
    return Value(name, tuple(shape))


def _shape(content: memoryview) -> list[int | str]:
    axes = list[int | str]()
    for kind, tensor in fields(content, "TypeProto"):
        _refuse(kind)
        if kind.name != "tensor_type" or isinstance(tensor, int):
            continue
        for part, shape in fields(tensor, "TypeProto.Tensor"):
            if part.name != "shape" or isinstance(shape, int):
                continue
            for _, dimension in fields(shape, "TensorShapeProto"):
                axis: int | str = ""
                if not isinstance(dimension, int):
                    for found, value in fields(dimension, "TensorShapeProto.Dimension"):
                        if found.name == "dim_value" and isinstance(value, int):
                            axis = signed(value)
                        elif found.name == "dim_param":
                            axis = text(value)
                axes.append(axis)
    return axes
