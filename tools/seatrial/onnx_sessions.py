"""Opens ONNX files that Seatrial wrote, and no others: one place for serving, parity, benchmark.

Needs onnxruntime; ``onnx`` itself is imported only for the rare file that must be parsed first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
from pydantic import ValidationError

from seatrial.errors import InputError
from seatrial.evidence.records import ModelMetadata

METADATA_KEY = "seatrial"
INPUT_NAME = "input"
OUTPUT_NAME = "output"

_CHUNK_BYTES = 1 << 22
_EXTERNAL_DATA_KEY = b"location"
_ORT_FORMAT_MARK = b"ORTM"


def open_session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session on the CPU with ``threads`` threads inside an operator and one between them.

    Checked before onnxruntime sees the file: it exists, is no onnxruntime-format file, and keeps
    its weights inside itself; a tensor stored elsewhere could name any file of this machine.

    :raises InputError: the file is missing, damaged, or refused; one line with the reason.
    """
    _refuse_foreign(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises a class of its own for each status
        raise InputError(f"{path}: onnxruntime cannot open it: {_one_line(error)}") from None


def read_metadata(source: onnxruntime.InferenceSession | Path) -> ModelMetadata:
    """What the file says about its classes and preprocessing, checked against its own shapes.

    :raises InputError: no metadata of Seatrial's, or metadata that contradicts the graph.
    """
    session = open_session(source) if isinstance(source, Path) else source
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise InputError(
            f"the model carries no '{METADATA_KEY}' metadata: required are its classes and"
            " preprocessing; export it with 'seatrial export'"
        )
    try:
        metadata = ModelMetadata.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"the model's metadata is not valid: {field}: {first['msg']}; export it again"
        ) from None
    _check_graph(session, metadata)
    return metadata


def _refuse_foreign(path: Path) -> None:
    try:
        mentions_external, head = _scan(path)
    except FileNotFoundError:
        raise InputError(f"{path}: required, but there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror or error}") from None
    if not head:
        raise InputError(f"{path}: the file is empty; an ONNX model is required")
    if head[4:8] == _ORT_FORMAT_MARK:
        raise InputError(f"{path}: an onnxruntime-format file; an ONNX model is required")
    if mentions_external:
        _refuse_external_data(path)


def _scan(path: Path) -> tuple[bool, bytes]:
    """Whether the key of external data occurs anywhere, and the first eight bytes.

    A tensor outside the file always carries the key ``location`` as plain bytes, so a file
    without these bytes has none, and large files need not be parsed twice.
    """
    with path.open("rb") as stream:
        chunk = stream.read(_CHUNK_BYTES)
        head, tail = chunk[:8], b""
        while chunk:
            window = tail + chunk
            if _EXTERNAL_DATA_KEY in window:
                return True, head
            tail = window[-(len(_EXTERNAL_DATA_KEY) - 1) :]
            chunk = stream.read(_CHUNK_BYTES)
    return False, head


def _refuse_external_data(path: Path) -> None:
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's decode errors differ between its backends
        raise InputError(f"{path}: not an ONNX model: {_one_line(error)}") from None
    names = list(_external_tensors(model))
    if names:
        raise InputError(
            f"{path}: {len(names)} tensors are stored in other files (first: {names[0][:80]!r});"
            " a model in one file is required"
        )


def _external_tensors(message: Any) -> Iterator[str]:
    """Names of tensors stored elsewhere, in any field of an ONNX message, however deep."""
    if message.DESCRIPTOR.name == "TensorProto" and (
        message.external_data or message.data_location == message.EXTERNAL
    ):
        yield message.name
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _external_tensors(part)


def _check_graph(session: onnxruntime.InferenceSession, metadata: ModelMetadata) -> None:
    spec = metadata.preprocessing
    inputs = [(value.name, value.type, value.shape[1:]) for value in session.get_inputs()]
    outputs = [(value.name, value.type, value.shape[1:]) for value in session.get_outputs()]
    image, answer = [spec.channels, spec.height, spec.width], [len(metadata.classes)]
    wanted_inputs = [(INPUT_NAME, "tensor(float)", image)]
    wanted_outputs = [(OUTPUT_NAME, "tensor(float)", answer)]
    for found, wanted in ((inputs, wanted_inputs), (outputs, wanted_outputs)):
        if found != wanted:
            raise InputError(
                f"the model's graph and metadata disagree: {wanted} required, {found} found;"
                " export it again"
            )


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:300] or type(error).__name__
