"""Claims about escaping and about templates that miss a value."""

from __future__ import annotations

import ast
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seatrial.reports.render as rendering
from seatrial.reports.render import Markup, bullets, escape, fill, literal, table
from seatrial.resources import shipped

HOSTILE = (
    "a|b",
    "`rm -rf`",
    "[click](http://example.org)",
    "<script>alert(1)</script>",
    "a\n\n# Passed",
    "**PASS**",
    "_x_",
    "~~no~~",
    "$x$",
    "&lt;",
    "- [x] approved",
    "1. one",
    "---",
    "===",
    "> quote",
    "![p](p.png)",
    "\u202egnp.exe",
    "\x1b[31m",
    "\\|",
    "back\\",
    "a\u2028b",
    "#",
    "+",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_cell_of_one_row(name: str) -> None:
    lines = table({"header": ["Name", "n"], "align": "lr", "rows": [[name, "1"]]}).splitlines()
    assert len(lines) == 3
    assert len(cells(lines[2])) == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_opens_no_markup(name: str) -> None:
    text = escape(name)
    for mark in "`*<>[]|~$":
        before = [text[:i] for i, letter in enumerate(text) if letter == mark]
        assert all((len(b) - len(b.rstrip("\\"))) % 2 == 1 for b in before)
    assert text.isprintable()


@given(st.text())
def test_escaped_text_is_one_printable_line(name: str) -> None:
    text = escape(name)
    assert len(text.splitlines()) <= 1
    assert text.isprintable()


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_escaping_loses_nothing_but_repeated_spaces(name: str) -> None:
    unescaped, text = "", iter(escape(name))
    for letter in text:
        unescaped += next(text) if letter == "\\" else letter
    assert unescaped == " ".join(name.split())


@pytest.mark.parametrize(
    "text", ["97.2 % [94.9, 98.5], n = 360", "test_acc", "-0.6 points", "p < 0.001", "0 of 3"]
)
def test_figures_and_metric_names_stay_readable(text: str) -> None:
    assert escape(text) == text.replace("<", "\\<")


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells"):
        table({"header": ["a", "b"], "align": "ll", "rows": [["1"]]})


def test_none_in_a_cell_or_a_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="None"):
        table({"header": ["a"], "align": "l", "rows": [[None]]})  # type: ignore[list-item]
    with pytest.raises(ValueError, match="None"):
        bullets([None])  # type: ignore[list-item]


@given(st.one_of(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers()))
def test_a_literal_is_the_value_on_one_line(value: object) -> None:
    text = literal(value)
    assert len(text.splitlines()) == 1
    assert ast.literal_eval(text) == value


def test_a_literal_of_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="Path"):
        literal(Path("x"))


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(rendering, "shipped", lambda _: tmp_path)
    rendering._environment.cache_clear()
    yield tmp_path / "a.md.j2"
    rendering._environment.cache_clear()


def test_printing_escapes_without_being_asked(template: Path) -> None:
    template.write_text("{{ name }} {{ mark }}")
    assert fill("a.md.j2", {"name": "<b>", "mark": Markup("<b>")}) == "\\<b\\> <b>\n"


def test_a_name_that_the_context_lacks_fails_the_rendering(template: Path) -> None:
    template.write_text("{{ absent }}")
    with pytest.raises(jinja2.UndefinedError):
        fill("a.md.j2", {})


def test_none_fails_the_rendering(template: Path) -> None:
    template.write_text("{{ value }}")
    with pytest.raises(ValueError, match="None"):
        fill("a.md.j2", {"value": None})


def test_templates_hold_no_arithmetic() -> None:
    environment = rendering._environment()
    nodes = jinja2.nodes
    arithmetic = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)
    templates = sorted(shipped("templates").glob("*.j2"))
    assert templates
    for path in templates:
        tree = environment.parse(path.read_text(encoding="utf-8"))
        assert not list(tree.find_all((*arithmetic, nodes.Neg))), path.name


def cells(line: str) -> list[str]:
    """The cells of a table row, escaped pipes aside."""
    found, cell, escaped = [], "", False
    for letter in line.strip().removeprefix("|").removesuffix("|"):
        if letter == "|" and not escaped:
            found.append(cell.strip())
            cell = ""
        else:
            cell += letter
        escaped = letter == "\\" and not escaped
    return [*found, cell.strip()]
