"""Every page of the repository: its links lead somewhere, its commands and keys exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import pages
from plugin import lint
from repository_copy import ROOT, tracked
from seatrial.evidence import known_issues

MARKDOWN = sorted(name for name in tracked() if name.endswith(".md"))
DOCS = [name for name in MARKDOWN if name.startswith("docs/")]
LANGUAGES = {"console", "indented", "python", "sh", "text", "yaml"}
FOREIGN = {"# .github/workflows/release.yml"}
"""First lines of YAML that is for other programs."""


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MARKDOWN)
def test_links_lead_somewhere(name: str) -> None:
    assert list(lint.reference_problems(read(name), ROOT / name, ROOT)) == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_the_program_takes_every_command_line(name: str) -> None:
    refused = []
    for block in pages.blocks(read(name)):
        for words in pages.commands(block):
            arguments = pages.arguments_of_seatrial(words)
            if arguments is not None and (why := pages.problem(arguments)):
                refused.append(f"{' '.join(words)}: {why}")
    assert refused == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_make_target_exists(name: str) -> None:
    makefile = read("Makefile")
    asked = [
        word
        for block in pages.blocks(read(name))
        for words in pages.commands(block)
        if words[0] == "make"
        for word in words[1:]
        if "=" not in word
    ]
    asked += [span.split()[1] for span in pages.spans(read(name)) if span.startswith("make ")]
    assert [target for target in asked if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_no_page_names_a_command_or_option_that_does_not_exist(name: str) -> None:
    text = read(name)
    known = set().union(*(lint.options(verb) for verb in lint.COMMANDS)) | {"--version"}
    # Of claude plugin validate, of torchrun, and of the benchmark that runs other trainers.
    others = {"--strict", "--nproc-per-node", "--peers", "--timm-script", "--yolo"}
    bare = [
        span
        for span in pages.spans(text)
        if span.startswith("--") and span.split()[0] not in known | others
    ]
    assert [*lint.usage_problems(text), *bare] == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_no_page_names_a_key_that_the_configuration_does_not_have(name: str) -> None:
    known, sections = set(pages.keys()), set(pages.Config.model_fields)
    unknown = []
    for span in pages.spans(read(name)):
        key = span.split("=")[0].split(":")[0].strip()
        dotted = "." in key and key.replace(".", "").replace("_", "").isalnum()
        is_file = key.endswith((".yaml", ".json", ".md", ".py"))
        if dotted and not is_file and key.split(".")[0] in sections and key not in known:
            unknown.append(span)
    # Facts are named like keys where a record has a section's name.
    assert [span for span in unknown if not _is_fact(span)] == []


def _is_fact(span: str) -> bool:
    return f"`{span}`" in read("docs/reference/checklist.md")


@pytest.mark.parametrize("name", DOCS)
def test_every_block_says_what_it_is(name: str) -> None:
    assert {block.language for block in pages.blocks(read(name))} <= LANGUAGES


@pytest.mark.parametrize("name", DOCS)
def test_every_configuration_shown_is_one(name: str, tmp_path: Path) -> None:
    for block in pages.blocks(read(name)):
        first = block.text.splitlines()[0]
        if block.language != "yaml" or first in FOREIGN:
            continue
        if first == "# known_issues.yaml":
            (tmp_path / "known_issues.yaml").write_text(block.text)
            assert known_issues.load(tmp_path / "known_issues.yaml") is not None
        else:
            assert pages.configuration_problem(block.text) is None, block.text
