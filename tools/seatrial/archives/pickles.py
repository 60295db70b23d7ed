"""Pickle programs: the names they call, read off their opcodes. Nothing is unpickled."""

from __future__ import annotations

import io
import pickletools
import re

_ALLOWED = frozenset(
    {
        "collections.OrderedDict",
        "collections.Counter",
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
        "torch._tensor._rebuild_from_type_v2",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_sparse_tensor",
        "torch._utils._rebuild_qtensor",
        "_codecs.encode",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.set",
    }
)
"""What torch.load(weights_only=True) takes, as far as checkpoints need it."""
_TYPES = re.compile(
    r"^torch\.(?:[A-Z][A-Za-z0-9]*Storage|(?:b?float|u?int|complex|quint|qint|bits)\d\w*|bool)$"
)
_SCRIPTED = re.compile(r"^(?:__torch__\.|torch\.jit\._pickle\.)")
"""Types that TorchScript defines in its own archive, and its tagging functions."""
_REFUSED_OPCODES = frozenset(
    {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}
)
"""Ways to name a callable that torch does not write: the name would have to be computed."""
_OLD_PROGRAMS = 5
"""A magic number, the version, the machine, the object, and the names of its storages."""


def pickle_problem(program: bytes, *, scripted: bool = False) -> str | None:
    """Why a pickle program may not be run; None where it builds tensors and plain data alone.

    :param scripted: of a TorchScript archive, which names types of its own.
    """
    try:
        for opcode, argument, _ in pickletools.genops(program):
            if opcode.name in _REFUSED_OPCODES:
                return f"a pickle program with {opcode.name}"
            if opcode.name == "GLOBAL":
                name = str(argument).replace(" ", ".")
                if not _is_allowed(name, scripted):
                    return f"a pickle program that names {name[:120]}"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return f"not a pickle program: {error}"
    return None


def old_form_problem(content: bytes) -> str | None:
    """The same of a file of torch before 1.6: five programs one after another, then the tensors."""
    stream = io.BytesIO(content)
    for _ in range(_OLD_PROGRAMS):
        start = stream.tell()
        try:
            for _opcode, _argument, _place in pickletools.genops(stream):
                pass
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            return f"not a pickle program: {error}"
        problem = pickle_problem(content[start : stream.tell()])
        if problem:
            return problem
    return None


def _is_allowed(name: str, scripted: bool) -> bool:
    if name in _ALLOWED or _TYPES.match(name):
        return True
    return scripted and bool(_SCRIPTED.match(name))
