"""The pages of docs/reference/ are what the program says today."""

from __future__ import annotations

import pytest

import generate_reference
from docs.pages import keys

PAGES = generate_reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_program_says(name: str) -> None:
    path = generate_reference.FOLDER / name
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    if name == "models.md" and generate_reference.torchvision_version() not in written:
        pytest.skip("docs/reference/models.md is of another torchvision")
    assert written == PAGES[name], f"docs/reference/{name} is out of date; run: make docs"


def test_there_is_no_page_that_nothing_generates() -> None:
    assert {path.name for path in generate_reference.FOLDER.iterdir()} == set(PAGES)


def test_every_key_of_the_configuration_has_a_row_or_a_section() -> None:
    page = PAGES["configuration.md"]
    missing = [
        key
        for key in keys()
        if f"`{key.rsplit('.', 1)[-1]}`" not in page and f"# {key}\n" not in page
    ]
    assert missing == []
