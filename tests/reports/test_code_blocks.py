"""Claims about taking code out of a document and running it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seatrial.reports.code_blocks import extract, run_code_blocks


def block(language: str, code: str) -> str:
    return f"```{language}\n{code}\n```\n"


def test_blocks_come_in_order_with_language_and_text() -> None:
    text = "a\n```python\nx = 1\n```\nb\n~~~ sh\nls\n~~~\n````text\n```\n````\n"
    assert [(b.index, b.language, b.code) for b in extract(text)] == [
        (0, "python", "x = 1\n"),
        (1, "sh", "ls\n"),
        (2, "text", "```\n"),
    ]


def test_a_block_that_never_ends_is_still_a_block() -> None:
    assert [b.code for b in extract("```python\nx = 1")] == ["x = 1\n"]


def test_inline_code_is_no_block() -> None:
    assert extract("``` a ``` b\n`c`\n") == []


@pytest.mark.parametrize(
    ("language", "code", "exit_code"),
    [
        ("python", "assert 1 == 1", 0),
        ("python", "assert 1 == 2", 1),
        ("python", "raise SystemExit(7)", 7),
        ("sh", "true", 0),
        ("sh", "false\ntrue", 1),
        ("sh", 'echo "$nothing"', 2),
        ("json", '{"a": 1}', 0),
        ("json", "{a: 1}", 1),
        ("yaml", "a: 1", 0),
        ("yaml", "a: [", 1),
        ("text", "anything", None),
        ("", "anything", 1),
        ("ruby", "puts 1", 1),
    ],
)
def test_exit_codes(tmp_path: Path, language: str, code: str, exit_code: int | None) -> None:
    (record,) = run_code_blocks(block(language, code), tmp_path, "guide.md")
    assert record.exit_code == exit_code
    assert (record.error is None) == (exit_code in (0, None))


def test_one_failure_stops_no_other(tmp_path: Path) -> None:
    text = block("python", "1 / 0") + block("python", "print(1)")
    records = run_code_blocks(text, tmp_path, "guide.md")
    assert [r.exit_code for r in records] == [1, 0]
    assert records[0].error is not None and "ZeroDivisionError" in records[0].error


def test_a_block_runs_in_the_folder_with_this_interpreter_and_its_commands(tmp_path: Path) -> None:
    text = block("python", "import sys; open('python', 'w').write(sys.executable)") + block(
        "sh", "command -v python > sh"
    )
    assert {r.exit_code for r in run_code_blocks(text, tmp_path, "guide.md")} == {0}
    assert (tmp_path / "python").read_text() == sys.executable
    found = Path((tmp_path / "sh").read_text().strip())
    assert found.parent == Path(sys.executable).parent


def test_the_record_names_the_block_and_not_where_it_was_run(tmp_path: Path) -> None:
    (record,) = run_code_blocks(block("python", "\n# first\n1 / 0"), tmp_path, "guide.md")
    assert (record.document, record.index, record.first_line) == ("guide.md", 0, "# first")
    assert record.error is not None
    assert "seatrial-blocks" not in record.error
    assert "block_0.py" in record.error


def test_a_block_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    code = "while :; do :; done &\nwait"  # a child left alive would hold the pipe, and this test
    (record,) = run_code_blocks(block("sh", code), tmp_path, "guide.md", timeout=0.5)
    assert (record.exit_code, record.error) == (124, "not finished after 0.5 s")


def test_a_block_has_no_proxy_that_answers(tmp_path: Path) -> None:
    code = (
        "import urllib.request\n"
        "try:\n    urllib.request.urlopen('http://example.org', timeout=2)\n"
        "except OSError:\n    raise SystemExit(0)\nraise SystemExit(1)"
    )
    (record,) = run_code_blocks(block("python", code), tmp_path, "guide.md")
    assert record.exit_code == 0


def test_a_document_without_code_gives_no_records(tmp_path: Path) -> None:
    assert run_code_blocks("# Nothing\n", tmp_path, "guide.md") == ()
