"""The contracts of the architecture: who may import whom, and what stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tools" / "seatrial"

LAYERS = (
    {"errors", "machine"},
    {"files", "resources", "isolation", "onnx_structure", "archives"},
    {"config"},
    {"evidence"},
    {"preprocessing", "plots", "onnx_sessions", "artifacts"},
    {"data", "models", "losses", "metrics", "serving", "gates", "reports", "provenance"},
    {"training"},
    {"evaluation"},
    {"export"},
    {"parity", "benchmark"},
    {"publishing"},
    {"steps"},
    {"pipeline"},
    {"finalize"},
    {"status", "demo", "signing", "audit"},
    {"cli"},
)
"""Every module or package, from the leaves on: a layer imports only layers before it."""

SIBLINGS = {"data": {"metrics"}, "models": set(), "training": {"models", "losses", "metrics"}}
"""Imports allowed within a layer."""

JUDGES = {"gates", "reports", "provenance"}
"""They judge files or speak of them: only leaves, configuration and evidence."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "seatrial" and len(parts) > 1:
                found.add(parts[1])
    known = set().union(*LAYERS)
    return found & known


def layer_of(part: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


def test_every_module_has_its_layer() -> None:
    parts = {part_of(path) for path in modules()} - {"__init__", "__main__"}
    assert parts == set().union(*LAYERS)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_point_to_the_left(path: Path) -> None:
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return
    for other in imported_parts(path) - {part} - SIBLINGS.get(part, set()):
        assert layer_of(other) < layer_of(part), f"{path.name} imports seatrial.{other}"


@pytest.mark.parametrize("part", sorted(JUDGES))
def test_judges_know_only_evidence(part: str) -> None:
    for path in (PACKAGE / part).rglob("*.py"):
        assert not imported_parts(path) & {
            "data", "models", "losses", "metrics", "training", "evaluation", "export",
            "parity", "benchmark", "steps", "pipeline", "serving",
        }  # fmt: skip


def is_main_block(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_only_the_command_line_imports_click_prints_or_exits(path: Path) -> None:
    if part_of(path) in ("cli", "__main__"):
        return
    tree = ast.parse(path.read_text())
    # A module that is a process of its own ends it with its exit code.
    tree.body = [node for node in tree.body if not is_main_block(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "click" for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] != "click"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "exit", "quit"), f"line {node.lineno}"
            # isolation serves child processes: it is where they end.
            assert called != "sys.exit" or path.name == "isolation.py", f"line {node.lineno}"


@pytest.mark.parametrize(
    "module",
    [
        "seatrial", "seatrial.gates", "seatrial.reports", "seatrial.serving.predictions",
        "seatrial.serving.load_test", "seatrial.plots", "seatrial.publishing", "seatrial.status",
        "seatrial.cli.main", "seatrial.cli.gate", "seatrial.cli.predict", "seatrial.cli.status",
        "seatrial.cli.finalize", "seatrial.cli.approve", "seatrial.cli.approvals",
        "seatrial.provenance", "seatrial.signing", "seatrial.cli.sign",
        "seatrial.audit", "seatrial.cli.audit",
    ],
)  # fmt: skip
def test_light_parts_import_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_unsafe_is_called() -> None:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & {"pickle", "marshal", "shelve"}
            if isinstance(node, ast.ImportFrom) and node.module == "pickle":
                assert [alias.name for alias in node.names] == ["UnpicklingError"]
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if called == "torch.load":
                assert keywords.get("weights_only") == "True", f"{path}:{node.lineno}"
            assert called not in ("yaml.load", "os.system", "eval", "exec"), path
            assert keywords.get("shell", "False") == "False", path
            assert keywords.get("allow_pickle", "False") == "False", path
