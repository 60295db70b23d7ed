"""Protocol buffers on the wire, read field by field against a table of the messages of ONNX.

https://protobuf.dev/programming-guides/encoding/. A field that the table does not know, or of
another wire type than it says, ends the reading: a parser that knows more than this one would
otherwise see something else in the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_LAST_BYTES = bytes(range(0x80))
_SINGLE = frozenset({"graph", "t", "g", "type", "tensor_type", "shape"})
"""Messages that stand once; other parsers would merge a second one into the first."""


class Malformed(Exception):
    """The bytes are no ONNX model, or one that is refused; one line says why."""


@dataclass(frozen=True)
class Field:
    """A field of a message: its name, its wire type, and the message it holds if it holds one."""

    name: str
    wire: int = BYTES
    message: str = ""
    packable: bool = False
    """Numbers that may also stand as one packed field of wire type 2."""


def _numbers(name: str, wire: int) -> Field:
    return Field(name, wire, packable=True)


MESSAGES: dict[str, dict[int, Field]] = {
    "ModelProto": {
        1: Field("ir_version", VARINT), 2: Field("producer_name"), 3: Field("producer_version"),
        4: Field("domain"), 5: Field("model_version", VARINT), 6: Field("doc_string"),
        7: Field("graph", message="GraphProto"),
        8: Field("opset_import", message="OperatorSetIdProto"),
        14: Field("metadata_props", message="StringStringEntryProto"),
        20: Field("training_info"), 25: Field("functions"), 26: Field("configuration"),
    },
    "OperatorSetIdProto": {1: Field("domain"), 2: Field("version", VARINT)},
    "StringStringEntryProto": {1: Field("key"), 2: Field("value")},
    "GraphProto": {
        1: Field("node", message="NodeProto"), 2: Field("name"),
        5: Field("initializer", message="TensorProto"), 10: Field("doc_string"),
        11: Field("input", message="ValueInfoProto"),
        12: Field("output", message="ValueInfoProto"),
        13: Field("value_info", message="ValueInfoProto"),
        14: Field("quantization_annotation"), 15: Field("sparse_initializer"),
        16: Field("metadata_props"),
    },
    "NodeProto": {
        1: Field("input"), 2: Field("output"), 3: Field("name"), 4: Field("op_type"),
        5: Field("attribute", message="AttributeProto"), 6: Field("doc_string"),
        7: Field("domain"), 8: Field("overload"), 9: Field("metadata_props"),
        10: Field("device_configurations"),
    },
    "AttributeProto": {
        1: Field("name"), 2: Field("f", FIXED32), 3: Field("i", VARINT), 4: Field("s"),
        5: Field("t", message="TensorProto"), 6: Field("g", message="GraphProto"),
        7: _numbers("floats", FIXED32), 8: _numbers("ints", VARINT), 9: Field("strings"),
        10: Field("tensors", message="TensorProto"), 11: Field("graphs", message="GraphProto"),
        13: Field("doc_string"), 14: Field("tp"), 15: Field("type_protos"),
        20: Field("type", VARINT), 21: Field("ref_attr_name"), 22: Field("sparse_tensor"),
        23: Field("sparse_tensors"),
    },
    "TensorProto": {
        1: _numbers("dims", VARINT), 2: Field("data_type", VARINT), 3: Field("segment"),
        4: _numbers("float_data", FIXED32), 5: _numbers("int32_data", VARINT),
        6: Field("string_data"), 7: _numbers("int64_data", VARINT), 8: Field("name"),
        9: Field("raw_data"), 10: _numbers("double_data", FIXED64),
        11: _numbers("uint64_data", VARINT), 12: Field("doc_string"), 13: Field("external_data"),
        14: Field("data_location", VARINT), 16: Field("metadata_props"),
    },
    "ValueInfoProto": {
        1: Field("name"), 2: Field("type", message="TypeProto"), 3: Field("doc_string"),
        4: Field("metadata_props"),
    },
    "TypeProto": {
        1: Field("tensor_type", message="TypeProto.Tensor"), 4: Field("sequence_type"),
        5: Field("map_type"), 6: Field("denotation"), 7: Field("opaque_type"),
        8: Field("sparse_tensor_type"), 9: Field("optional_type"),
    },
    "TypeProto.Tensor": {
        1: Field("elem_type", VARINT), 2: Field("shape", message="TensorShapeProto"),
    },
    "TensorShapeProto": {1: Field("dim", message="TensorShapeProto.Dimension")},
    "TensorShapeProto.Dimension": {
        1: Field("dim_value", VARINT), 2: Field("dim_param"), 3: Field("denotation"),
    },
}  # fmt: skip
"""As ``onnx.proto`` has them, by field number; a test holds them against the installed onnx."""


def fields(content: memoryview, message: str) -> Iterator[tuple[Field, int | memoryview]]:
    """Each field of a message in its order; nothing of its content is copied.

    :raises Malformed: it ends early, or holds what the table does not know.
    """
    table = MESSAGES[message]
    position, end = 0, len(content)
    seen: set[str] = set()
    while position < end:
        key, position = _varint(content, position)
        number, wire = key >> 3, key & 7
        field = table.get(number)
        if field is None or (wire != field.wire and not (field.packable and wire == BYTES)):
            raise Malformed(f"{message} holds field {number} of wire type {wire}, not known here")
        if field.name in _SINGLE and field.name in seen:
            raise Malformed(f"{message} holds {field.name} twice")
        seen.add(field.name)
        value: int | memoryview
        if wire == VARINT:
            value, position = _varint(content, position)
        else:
            length = 4 if wire == FIXED32 else 8
            if wire == BYTES:
                length, position = _varint(content, position)
            if length > end - position:
                raise Malformed(f"{message} ends in the middle of {field.name}")
            value, position = content[position : position + length], position + length
        yield field, value


def signed(value: int) -> int:
    """A varint as the 64-bit two's complement that int64 fields hold."""
    return value - (1 << 64) if value >> 63 else value


def integers(value: int | memoryview) -> list[int]:
    """The numbers of one field of varints, packed or single."""
    if isinstance(value, int):
        return [signed(value)]
    found, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        found.append(signed(number))
    return found


def count(field: Field, value: int | memoryview) -> int:
    """How many numbers one field holds, without reading them."""
    if isinstance(value, int):
        return 1
    if field.wire == VARINT:  # the last byte of each has its high bit clear
        return len(value) - len(bytes(value).translate(None, _LAST_BYTES))
    return len(value) // (4 if field.wire == FIXED32 else 8)


def text(value: int | memoryview) -> str:
    """A string field; what is no UTF-8 is replaced."""
    return "" if isinstance(value, int) else bytes(value).decode("utf-8", "replace")


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in content[position : position + _LONGEST_VARINT]:
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            if value >> 64:
                break
            return value, position
        shift += 7
    raise Malformed("a number ends early or is longer than 64 bits")
