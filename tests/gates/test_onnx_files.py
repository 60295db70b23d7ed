"""An ONNX file is held to what the release promises of it, without running it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from factories import FILE_OF_FORMAT, step_files
from seatrial import onnx_sessions
from seatrial.evidence.records import ModelMetadata
from seatrial.gates import onnx_files
from seatrial.gates.onnx_files import onnx_problem

NAME = FILE_OF_FORMAT["onnx"]


def described() -> ModelMetadata:
    return ModelMetadata.model_validate_json(step_files()["export"][f"{NAME}.json"])


def test_a_file_as_promised_has_no_problem(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(step_files()["export"][NAME])
    assert onnx_problem(tmp_path / NAME, described()) is None


def rename_input(model: Any) -> None:
    model.graph.input[0].name = "image"


def fix_batch(model: Any) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1


def second_output(model: Any) -> None:
    model.graph.output.append(model.graph.output[0])


def drop_metadata(model: Any) -> None:
    del model.metadata_props[:]


def other_metadata(model: Any) -> None:
    model.metadata_props[0].value = model.metadata_props[0].value.replace("buoy", "bouy")


def damaged_metadata(model: Any) -> None:
    model.metadata_props[0].value = "{"


def external_weights(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (rename_input, "one input required"),
        (second_output, "one output required"),
        (fix_batch, "axis 0 of output must be batch_size"),
        (drop_metadata, "not what stands beside it"),
        (other_metadata, "not what stands beside it"),
        (damaged_metadata, "not what stands beside it"),
        (external_weights, "keeps weights in other files (weight)"),
    ],
)
def test_what_breaks_the_promise_is_named(
    tmp_path: Path, spoil: Callable[[Any], None], words: str
) -> None:
    model = onnx.load_from_string(step_files()["export"][NAME])
    spoil(model)
    (tmp_path / NAME).write_bytes(model.SerializeToString())
    assert words in (onnx_problem(tmp_path / NAME, described()) or "")


def test_the_names_are_those_that_sessions_use() -> None:
    assert onnx_files._METADATA_KEY == onnx_sessions.METADATA_KEY
    assert onnx_files._INPUT_NAME == onnx_sessions.INPUT_NAME
    assert onnx_files._OUTPUT_NAME == onnx_sessions.OUTPUT_NAME
