"""A network of the user's own: ``module:function`` in the project's folder.

It runs the user's code, and only where the configuration names it.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from seatrial.errors import ConfigurationError
from seatrial.files import is_inside
from seatrial.models.interface import Architecture, Request
from seatrial.models.reasons import reason


def architecture(name: str, project: Path | None) -> Architecture:
    """The architecture that ``function(num_classes=…, **model.arguments)`` of ``module`` builds.

    :raises ConfigurationError: no project folder, or ``name`` is not ``module:function``.
    """
    module, _, function = name.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), function]):
        raise ConfigurationError(
            f"model.architecture: module:function required, such as networks.small:build; "
            f"found {name!r}"
        )
    if project is None:
        raise ConfigurationError(
            f"model.architecture: {name} is looked for in a project's folder; none was given"
        )
    return Architecture(
        name, f"{function} in the project's {module}", partial(_make, project, module, function)
    )


def _make(project: Path, module: str, function: str, request: Request) -> nn.Module:
    name = f"{module}:{function}"
    if request.pretrained:
        raise ConfigurationError(
            f"model.pretrained: true is for published models; {name} loads its own weights, or "
            "give a checkpoint"
        )
    with _importable(project):
        build = _function(_module(project, module), function, name)
        try:
            model = build(num_classes=request.num_classes, **request.arguments)
        except Exception as error:  # the user's own code may raise anything
            raise _failed(f"{name} failed", error, project) from error
    if not isinstance(model, nn.Module):
        raise ConfigurationError(
            f"model.architecture: {name} must return a torch.nn.Module; found "
            f"{type(model).__name__}"
        )
    return model


@contextmanager
def _importable(project: Path) -> Iterator[None]:
    entry = str(project.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)


def _module(project: Path, name: str) -> ModuleType:
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(f"importing {name} failed", error, project) from error
        path = project / Path(*name.split("."))
        raise ConfigurationError(
            f"model.architecture: module {name} required in the project; there is no {path}.py"
        ) from None
    except Exception as error:  # the user's own code may raise anything
        raise _failed(f"importing {name} failed", error, project) from error
    where = getattr(module, "__file__", None)
    if where is None or not is_inside(Path(where), project):
        raise ConfigurationError(
            f"model.architecture: module {name} required in the project; the name is taken by "
            f"{where or 'a built-in module'}; rename the project's module"
        )
    return module


def _function(module: ModuleType, function: str, name: str) -> Callable[..., Any]:
    found = getattr(module, function, None)
    if callable(found):
        built: Callable[..., Any] = found
        return built
    here = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
    near = get_close_matches(function, here, n=3, cutoff=0.4)
    hint = f"; did you mean {', '.join(near)}" if near else ""
    raise ConfigurationError(
        f"model.architecture: {name} required; {module.__file__} has no function {function}{hint}"
    )


def _failed(what: str, error: Exception, project: Path) -> ConfigurationError:
    """One line with the error and the user's own line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if is_inside(Path(frame.filename), project)]
    where = f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
    return ConfigurationError(
        f"model.architecture: {what}{where}: {type(error).__name__}: {reason(error)}"
    )
