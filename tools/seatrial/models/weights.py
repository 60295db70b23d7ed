"""Weights from a file into a model: tensors only, and every difference named."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # what torch.load raises; nothing is unpickled
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from seatrial.archives import old_form_problem, torch_file_problem
from seatrial.errors import InputError
from seatrial.files import disk_errors
from seatrial.models.reasons import reason

_LISTED = 5
_CONTAINERS = ("model_state_dict", "state_dict")
_PREFIXES = ("module.", "_orig_mod.")
_COUNTER = "num_batches_tracked"
MOST_HEADER_BYTES = 16 << 20
"""Of safetensors: a hundred thousand tensors take less."""


@dataclass(frozen=True)
class Differences:
    """How a file's keys and shapes differ from a model's, each in the model's or file's order."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]
    matching: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshaped)

    def __str__(self) -> str:
        kinds = (
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("of another shape", self.misshaped),
        )
        return "; ".join(f"{len(keys)} {kind}: {_some(keys)}" for kind, keys in kinds if keys)


def load_weights(model: nn.Module, path: Path) -> None:
    """Put the weights of ``path`` into ``model``, in place, with the model's own types.

    Takes ``.safetensors``, or a file of ``torch.save`` that holds a state dict, bare or under
    ``model_state_dict`` or ``state_dict``; the prefixes of ``DataParallel`` and ``torch.compile``
    are taken off. No code in the file is run.

    :raises InputError: no such file, a damaged one, one that needs code to load, keys or shapes
        other than the model's, or values that are not finite. The model is then as it was.
    """
    put_weights(model, read_state(path), path)


def put_weights(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Put ``state``, which came from ``path``, into ``model``, in place.

    :raises InputError: keys, shapes or values as :func:`load_weights` says. The model is then as
        it was.
    """
    differences = compare(model, state)
    if differences:
        raise InputError(_refusal(path, model, differences))
    own = model.state_dict()
    foreign = [
        f"{key} {_kind(value)} in the file, {_kind(own[key])} required"
        for key, value in state.items()
        if _kind(value) != _kind(own[key])
    ]
    if foreign:
        raise InputError(f"{path}: {len(foreign)} of another kind: {_some(foreign)}")
    broken = [key for key, value in state.items() if not _finite(value.to(own[key].dtype))]
    if broken:
        raise InputError(
            f"{path}: values that are not finite in {_some(broken)}; take an earlier checkpoint"
        )
    # A counter that a file of an old torch lacks changes nothing that a trained model computes.
    model.load_state_dict(state, strict=False)


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, its keys without wrappers' prefixes.

    :raises InputError: as :func:`load_weights` says, but for what depends on a model.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: a checkpoint required (.pt or .safetensors); found {found}")
    with disk_errors(path, "read"):
        held = path.read_bytes()  # read once: what is checked is what is loaded
    if not held:
        raise InputError(f"{path}: a checkpoint required; the file is empty")
    read = _read_safetensors if path.suffix == ".safetensors" else _read_torch
    content = read(path, held)
    state = _state_in(path, content)
    return {_without_prefixes(key): value for key, value in state.items()}


def compare(model: nn.Module, state: Mapping[str, Tensor]) -> Differences:
    """How the keys and shapes of ``state`` differ from those of ``model``."""
    own = model.state_dict()
    shared = [key for key in own if key in state]
    misshaped = [key for key in shared if own[key].shape != state[key].shape]
    return Differences(
        missing=tuple(key for key in own if key not in state and not key.endswith(_COUNTER)),
        unexpected=tuple(key for key in state if key not in own),
        misshaped=tuple(
            f"{key} {tuple(state[key].shape)} in the file, {tuple(own[key].shape)} required"
            for key in misshaped
        ),
        matching=len(shared) - len(misshaped),
    )


def _read_safetensors(path: Path, content: bytes) -> dict[str, Tensor]:
    header = int.from_bytes(content[:8], "little")
    if header > MOST_HEADER_BYTES:
        raise InputError(
            f"{path}: not readable as safetensors: a header of {header} bytes, "
            f"{MOST_HEADER_BYTES} allowed"
        )
    try:
        return safetensors.torch.load(content)
    except Exception as error:  # a damaged header makes safetensors raise nearly anything
        raise InputError(f"{path}: not readable as safetensors: {reason(error)}") from None


def _read_torch(path: Path, content: bytes) -> Any:
    problem = _problem(content)
    if problem:
        raise InputError(
            f"{path}: tensors and plain data required; the file is damaged or needs code to load "
            f"({problem}); save it as torch.save(model.state_dict(), path)"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of other pickle protocols: we refuse
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise InputError(
            f"{path}: tensors and plain data required; the file is damaged, or holds Python "
            "objects that need code to load; save it as torch.save(model.state_dict(), path)"
        ) from None
    except Exception as error:  # a damaged archive makes torch raise nearly anything
        raise InputError(
            f"{path}: not readable as a checkpoint of torch.save: {_first_sentence(error)}"
        ) from None


def _problem(content: bytes) -> str | None:
    """Why the bytes are not given to torch; None where they are.

    Two forms are taken: the zip archive of torch.save, and the pickle programs one after another
    of torch before 1.6. Not the tar archive of torch before 0.4, which is unpacked to be read.
    """
    if content.startswith(b"PK\x03\x04"):
        return torch_file_problem(io.BytesIO(content))
    if not content.startswith(b"\x80"):
        return "no file of torch.save"
    return old_form_problem(content)


def _first_sentence(error: Exception) -> str:
    """What is wrong, without torch's advice on where to ask for help."""
    return reason(error).partition(". ")[0]


def _state_in(path: Path, content: Any) -> dict[str, Tensor]:
    for container in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(container), Mapping):
            content = content[container]
            break
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: a state dict required; found {type(content).__name__}")
    other = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if other or not content:
        holds = f"the keys {_some([str(key) for key in content])}" if content else "nothing"
        raise InputError(
            f"{path}: a state dict required, bare or under {' or '.join(_CONTAINERS)}; "
            f"found {holds}"
        )
    return {str(key): value for key, value in content.items()}


def _without_prefixes(key: str) -> str:
    while key.startswith(_PREFIXES):
        key = key.partition(".")[2]
    return key


def _kind(value: Tensor) -> str:
    """What a tensor holds, as far as it cannot be turned into another without loss."""
    if value.layout is not torch.strided or value.device.type == "meta":
        return f"{value.layout} tensors on {value.device.type}".removeprefix("torch.")
    if value.is_floating_point():
        return "floating point"
    return "complex numbers" if value.is_complex() else str(value.dtype).removeprefix("torch.")


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())


def _refusal(path: Path, model: nn.Module, differences: Differences) -> str:
    name, total = type(model).__name__, len(model.state_dict())
    if differences.matching < total / 2:
        cause = f"it looks like another architecture ({differences.matching} of {total} keys fit)"
    elif differences.misshaped and not (differences.missing or differences.unexpected):
        cause = "it looks like the same architecture with other classes, channels or arguments"
    else:
        cause = "set model.architecture and model.arguments to those it was trained with"
    return f"{path}: does not fit {name}: {differences}; {cause}"


def _some(keys: Sequence[str]) -> str:
    more = len(keys) - _LISTED
    return ", ".join(keys[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def weights_digest(model: nn.Module) -> str:
    """SHA-256 over a model's weights by name, whatever file they came from.

    Counters of batch normalisation are left out: they change no answer.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if not name.endswith(_COUNTER):
            values = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
            digest.update(values.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
