"""Every fact, from the records and the docstrings of their fields."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator

from reference.markdown import paragraphs, table
from seatrial.evidence import facts, records
from seatrial.evidence.reading import RECORD_TYPES

_PARTS = (
    "base", "data", "training", "evaluation", "export", "verification", "measurement",
    "verdicts", "metadata", "run",
)  # fmt: skip


def record_pages() -> list[str]:
    """Every fact: the records in the order of the steps, with their docstrings."""
    steps = {kind.__name__: step for step, (_, kind) in RECORD_TYPES.items()}
    lines = [
        "# Records",
        "",
        "What each step measured, as `record.json` in its folder of the run. Paths are relative",
        "to that folder, accuracies are fractions, and a value that is undefined is null.",
        "`GateRecord` is the gate's, `RunRecord` is `run.json`, `Manifest` is `manifest.json`, and",
        "`ModelMetadata` travels with every exported model.",
    ]
    pages = [importlib.import_module(f"{records.__name__}.{name}") for name in _PARTS]
    for module in (*pages, facts):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef) and node.name != "Record":
                lines += _record(node, steps.get(node.name))
    return lines


def _record(node: ast.ClassDef, step: str | None) -> Iterator[str]:
    yield from ("", f"## {node.name}", "")
    if step is not None:
        yield from (f"`runs/RUN/{step}/record.json`", "")
    yield from paragraphs(ast.get_docstring(node))
    rows = []
    for place, entry in enumerate(node.body):
        if isinstance(entry, ast.AnnAssign):
            following = node.body[place + 1] if place + 1 < len(node.body) else None
            kind = ast.unparse(entry.annotation)
            rows.append((f"`{ast.unparse(entry.target)}`", f"`{kind}`", _docstring(following)))
    yield from table(("Field", "Type", "Meaning"), rows)


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value).replace("``", "`")
    return ""
