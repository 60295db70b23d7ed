"""A network of the user's own: imported from the project, named explicitly, errors in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from seatrial import models
from seatrial.errors import ConfigurationError

NETWORK = """
from torch import nn
from {package}.parts import body

def build(num_classes, width=4):
    return nn.Sequential(*body(width), nn.Linear(width, num_classes))

def not_a_module(num_classes):
    return 3

def wrong_output(num_classes):
    return nn.Sequential(*body(4), nn.Linear(4, num_classes + 1))

def broken(num_classes):
    return 1 / 0
"""
PARTS = """
from torch import nn

def body(width):
    return [nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
"""


@pytest.fixture
def package(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A package of the project with a name no other test uses."""
    name = f"networks_{abs(hash(request.node.name))}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "small.py").write_text(NETWORK.format(package=name))
    (folder / "parts.py").write_text(PARTS)
    return name


def _build(name: str, project: Path | None, **named: object) -> torch.nn.Module:
    return models.build(name, 5, image_size=(8, 8), project=project, **named)


def _refused(name: str, project: Path | None, **named: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _build(name, project, **named)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_it_is_called_with_the_classes_and_the_arguments(tmp_path: Path, package: str) -> None:
    model = _build(f"{package}.small:build", tmp_path, arguments={"width": 6}, dropout=0.5)
    assert model.eval()(torch.zeros(2, 3, 8, 8)).shape == (2, 5)
    assert models.features(model, torch.zeros(2, 3, 8, 8)).shape == (2, 6)
    assert model[-1].probability == 0.5
    assert str(tmp_path) not in sys.path


def test_an_absent_module_names_the_file_looked_for(tmp_path: Path) -> None:
    message = _refused("nowhere.net:build", tmp_path)
    assert f"there is no {tmp_path / 'nowhere' / 'net.py'}" in message


def test_an_absent_function_is_answered_with_the_nearest(tmp_path: Path, package: str) -> None:
    message = _refused(f"{package}.small:biuld", tmp_path)
    assert "has no function biuld; did you mean build" in message


@pytest.mark.parametrize(
    ("function", "part"),
    [
        ("not_a_module", "must return a torch.nn.Module; found int"),
        ("wrong_output", "must give logits of shape (1, 5)"),
        ("broken", "small.py:15: ZeroDivisionError"),
    ],
)
def test_what_the_function_does_wrong_is_named(
    tmp_path: Path, package: str, function: str, part: str
) -> None:
    assert part in _refused(f"{package}.small:{function}", tmp_path)


def test_an_argument_it_does_not_take_is_named(tmp_path: Path, package: str) -> None:
    assert "depth" in _refused(f"{package}.small:build", tmp_path, arguments={"depth": 2})


def test_code_that_does_not_import_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "syntax_is_off.py").write_text("def build(:\n")
    assert "importing syntax_is_off failed: SyntaxError" in _refused(
        "syntax_is_off:build", tmp_path
    )
    (tmp_path / "needs_absent.py").write_text("\nimport surely_not_installed_anywhere\n")
    message = _refused("needs_absent:build", tmp_path)
    assert "needs_absent.py:2: ModuleNotFoundError" in message
    assert "surely_not_installed_anywhere" in message


def test_a_name_that_another_module_has_is_refused(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("def build(num_classes): ...\n")
    message = _refused("json:dumps", tmp_path)
    assert "the name is taken by" in message


@pytest.mark.parametrize("name", ["a/b:c", "../evil:build", "net:", ":build", "net:build()"])
def test_only_dotted_names_are_taken(tmp_path: Path, name: str) -> None:
    assert "module:function required" in _refused(name, tmp_path)


def test_it_needs_a_project_and_takes_no_pretrained(tmp_path: Path, package: str) -> None:
    assert "project" in _refused(f"{package}.small:build", None)
    assert "model.pretrained" in _refused(f"{package}.small:build", tmp_path, pretrained=True)
