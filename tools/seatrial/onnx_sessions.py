"""Opens ONNX files that Seatrial wrote, and no others: one place for serving, parity, benchmark.

Needs onnxruntime, and no ``onnx``. A file is read once; what is checked, hashed and opened are the
same bytes, whatever happens to the file meanwhile.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import onnxruntime
from pydantic import ValidationError

from seatrial.errors import InputError
from seatrial.evidence.records import ModelMetadata
from seatrial.files import sha256_bytes
from seatrial.onnx_structure import Malformed, read

METADATA_KEY = "seatrial"
INPUT_NAME = "input"
OUTPUT_NAME = "output"

_ORT_FORMAT_MARK = b"ORTM"


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file that may be opened: its bytes as they were checked, and their SHA-256."""

    path: Path
    content: bytes
    sha256: str


def read_model(path: Path) -> ModelFile:
    """Read an ONNX file and refuse what onnxruntime should not see.

    It must be a regular file of one name, no link: a link may lead out of the folder that was
    checked. Its bytes are judged by :func:`seatrial.onnx_structure.read`, before any memory is
    taken for what they claim.

    :raises InputError: the file is missing, damaged, or refused; one line with the reason.
    """
    content = _content(path)
    if not content:
        raise InputError(f"{path}: the file is empty; an ONNX model is required")
    if content[4:8] == _ORT_FORMAT_MARK:
        raise InputError(f"{path}: an onnxruntime-format file; an ONNX model is required")
    try:
        read(content)
    except Malformed as refusal:
        raise InputError(
            f"{path}: not an ONNX model that Seatrial exports: {refusal}; export it with"
            " 'seatrial export'"
        ) from None
    return ModelFile(path, content, sha256_bytes(content))


def open_session(model: Path | ModelFile, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session on the CPU with ``threads`` threads inside an operator and one between them.

    :raises InputError: as :func:`read_model` says, or onnxruntime cannot open it.
    """
    if isinstance(model, Path):
        model = read_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model.content, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises a class of its own for each status
        raise InputError(f"{model.path}: onnxruntime cannot open it: {_one_line(error)}") from None
    # Kept by onnxruntime to build the session anew for other devices, which is not done here.
    session._model_bytes = None
    return session


def _content(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(f"{path}: required, but there is no such file") from None
    except OSError as error:
        if path.is_symlink():
            raise InputError(f"{path}: {_NO_LINK}; found a symbolic link") from None
        raise InputError(f"{path}: cannot read: {error.strerror or error}") from None
    try:
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{path}: a file required; found a folder, pipe or device")
            if found.st_nlink > 1:
                raise InputError(f"{path}: {_NO_LINK}; found {found.st_nlink} hard links")
            return stream.read()
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror or error}") from None


_NO_LINK = "a file of its own required, so that no other name can change it; copy it"


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
    _check_sense(metadata)
    _check_graph(session, metadata)
    return metadata


def _check_sense(metadata: ModelMetadata) -> None:
    """What the types of the metadata leave open."""
    spec = metadata.preprocessing
    problems = [
        *(["classes: named twice"] if len(set(metadata.classes)) < len(metadata.classes) else []),
        *(
            f"{name}: {len(values)} values for {spec.channels} channels"
            for name, values in (("mean", spec.mean), ("std", spec.std))
            if len(values) != spec.channels
        ),
        *(["std: a value that is not above 0"] if min(spec.std, default=1) <= 0 else []),
        *(["height, width: not above 0"] if min(spec.height, spec.width) < 1 else []),
    ]
    if problems:
        raise InputError(
            f"the model's metadata is not valid: {'; '.join(problems)}; export it again"
        )


def _check_graph(session: onnxruntime.InferenceSession, metadata: ModelMetadata) -> None:
    spec = metadata.preprocessing
    inputs = [(value.name, value.type, value.shape[1:]) for value in session.get_inputs()]
    outputs = [(value.name, value.type, value.shape[1:]) for value in session.get_outputs()]
    image, answer = [spec.channels, spec.height, spec.width], [len(metadata.classes)]
    wanted_inputs = [(INPUT_NAME, "tensor(float)", image)]
    wanted_outputs = [(OUTPUT_NAME, "tensor(float)", answer)]
    fixed = [value.shape[0] for value in session.get_inputs() if isinstance(value.shape[0], int)]
    if fixed:
        raise InputError(
            f"the model takes {fixed[0]} images at a time; any number is required; export it again"
        )
    for found, wanted in ((inputs, wanted_inputs), (outputs, wanted_outputs)):
        if found != wanted:
            raise InputError(
                f"the model's graph and metadata disagree: {wanted} required, {found} found;"
                " export it again"
            )


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:300] or type(error).__name__
