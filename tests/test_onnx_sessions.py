"""Only whole ONNX files with Seatrial's metadata are opened."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from seatrial.errors import InputError
from seatrial.evidence.records import ModelMetadata, Preprocessing
from seatrial.files import sha256_bytes
from seatrial.onnx_sessions import METADATA_KEY, open_session, read_metadata, read_model


def metadata(classes: tuple[str, ...] = ("a", "b", "c")) -> ModelMetadata:
    spec = Preprocessing(
        height=1,
        width=2,
        channels=1,
        resize="stretch",
        interpolation="bilinear",
        mean=(0.5,),
        std=(0.5,),
    )
    return ModelMetadata(
        name="tiny",
        classes=classes,
        preprocessing=spec,
        format="onnx",
        colour_order="grey",
        checkpoint_sha256="0" * 64,
    )


def tiny_model(note: ModelMetadata | None, weight_name: str = "weight") -> onnx.ModelProto:
    """(N, 1, 1, 2) → (N, 3): flatten and multiply by a fixed matrix."""
    weight = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), weight_name)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", weight_name], ["output"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch_size", 1, 1, 2])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    if note is not None:
        helper.set_model_props(model, {METADATA_KEY: note.model_dump_json()})
    return model


def test_a_whole_file_opens_and_tells_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(tiny_model(metadata()), path)
    session = open_session(path, 1)
    (answer,) = session.run(["output"], {"input": np.ones((2, 1, 1, 2), np.float32)})
    assert answer.tolist() == [[3, 5, 7], [3, 5, 7]]
    assert read_metadata(session) == read_metadata(path) == metadata()


def test_a_harmless_name_with_the_marker_word_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(tiny_model(metadata(("location", "b", "c")), "location"), path)
    assert read_metadata(path).classes[0] == "location"


@pytest.mark.parametrize("where", ["../secret.bin", "beside.bin", "/etc/hostname"])
def test_weights_in_another_file_are_refused(tmp_path: Path, where: str) -> None:
    model = tiny_model(metadata())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=where)
    (tmp_path / "beside.bin").write_bytes(np.zeros(6, np.float32).tobytes())
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="keeps weights in other files"):
        open_session(path)


def test_external_data_inside_a_node_attribute_is_refused_too(tmp_path: Path) -> None:
    model = tiny_model(metadata())
    hidden = TensorProto(name="hidden", data_type=TensorProto.FLOAT, dims=[1])
    hidden.external_data.add(key="location", value="../secret.bin")
    model.graph.node.append(helper.make_node("Constant", [], ["unused"], value=hidden))
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="hidden"):
        open_session(path)


def test_a_link_of_either_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(tiny_model(metadata()), path)
    (tmp_path / "symbolic.onnx").symlink_to(path)
    with pytest.raises(InputError, match="symbolic link"):
        open_session(tmp_path / "symbolic.onnx")
    os.link(path, tmp_path / "hard.onnx")
    with pytest.raises(InputError, match="2 hard links"):
        open_session(tmp_path / "hard.onnx")


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    with pytest.raises(InputError, match="pipe"):
        open_session(tmp_path / "m.onnx")


def test_what_was_checked_is_opened_whatever_happens_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(tiny_model(metadata()), path)
    model = read_model(path)
    path.write_bytes(b"another file by now")
    assert read_metadata(open_session(model)).name == "tiny"
    assert model.sha256 == sha256_bytes(model.content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"not a model at all", "not an ONNX model"),
        (b"\x08\x00\x00\x00ORTM" + b"\0" * 64, "onnxruntime-format"),
        (b"location \xff\xff", "not an ONNX model"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        open_session(path)
    assert "\n" not in str(caught.value)


def test_a_model_without_metadata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(tiny_model(None), path)
    with pytest.raises(InputError, match="carries no 'seatrial' metadata"):
        read_metadata(path)


def test_metadata_that_contradicts_the_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(tiny_model(metadata(("a", "b"))), path)
    with pytest.raises(InputError, match="disagree"):
        read_metadata(path)


def test_metadata_with_an_unknown_field_is_refused_by_name(tmp_path: Path) -> None:
    model = tiny_model(None)
    helper.set_model_props(model, {METADATA_KEY: '{"surprise": 1}'})
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    with pytest.raises(InputError, match="not valid"):
        read_metadata(path)
