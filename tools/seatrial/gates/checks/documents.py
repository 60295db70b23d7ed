"""Items on the documents: complete, with figures where they belong, and code that runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

import yaml

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import CodeBlock, Document
from seatrial.gates.checks.case import Case
from seatrial.gates.evidence_files import Evidence
from seatrial.gates.schema import Item
from seatrial.gates.verdicts import Finding, NotChecked, conclude, some

GUIDE = "deployment_guide.md"
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_LEFT_OVER = re.compile(r"\{\{|\{%|\b(?:TODO|TBD|FIXME)\b")
_EXECUTED = ("python", "sh")
_NOT_RUN = "text"


def _document(facts: Facts, name: str) -> Document:
    if facts.documents is None:
        raise NotChecked("the document step has not run")
    found = [d for d in facts.documents.documents if PurePosixPath(d.path).name == name]
    if not found:
        raise NotChecked(f"{name} was not rendered")
    return found[0]


def _named(item: Item) -> str:
    """The document an item is about: the first Markdown file of its evidence."""
    return next(PurePosixPath(f).name for f in item.evidence.files if f.endswith(".md"))


def document_complete(case: Case) -> Finding:
    """The document has every section it must have, and nothing in it is left to fill in."""
    return _concluded(case)


def model_card(case: Case) -> Finding:
    """The model card is complete and begins with the metadata block that model hubs read."""
    return _concluded(case, _metadata_problems)


def _metadata_problems(text: str) -> list[str]:
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip():
        return ["it does not begin with a metadata block"]
    try:
        metadata = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return ["its metadata block is not YAML"]
    return [] if isinstance(metadata, dict) and metadata else ["its metadata block is empty"]


def monitoring_guide(case: Case) -> Finding:
    """The monitoring guide is complete and its thresholds are numbers."""
    return _concluded(case, _threshold_problems)


def _threshold_problems(text: str) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith("|") and re.search(r"\d", line)]
    return [] if rows else ["no table in it holds a threshold"]


def _concluded(case: Case, more: Callable[[str], list[str]] = lambda _: []) -> Finding:
    document = _document(case.facts, _named(case.item))
    text = _text(document, case.evidence)
    problems = [*_section_problems(document, text), *more(text)]
    count = len(document.sections)
    return conclude(
        problems,
        f"{count} sections, nothing left to fill in",
        measured=f"{count - len(document.missing_sections)} of {count} sections",
        bound="all",
    )


def _text(document: Document, evidence: Evidence) -> str:
    return evidence.place("document", document.path).read_text(encoding="utf-8")


def _section_problems(document: Document, text: str) -> list[str]:
    if not document.sections:
        return ["the record names no section that it must have"]
    headings = [line.lstrip("# ").casefold() for line in _prose(text) if line.startswith("#")]
    absent = [s for s in document.sections if not any(s.casefold() in h for h in headings)]
    missing = list(dict.fromkeys([*document.missing_sections, *absent]))
    problems = [f"sections missing: {some(missing)}"] if missing else []
    left = [line.strip() for line in _prose(text) if _LEFT_OVER.search(line)]
    return [*problems, *([f"left to fill in: {some(left, 1)}"] if left else [])]


def _prose(text: str) -> list[str]:
    """The lines that stand in no code block."""
    lines, fence = [], ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if fence:
            fence = "" if found and found[1].startswith(fence) else fence
        elif found:
            fence = found[1]
        else:
            lines.append(line)
    return lines


def _count_blocks(text: str) -> int:
    count, fence = 0, ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if fence:
            fence = "" if found and found[1].startswith(fence) else fence
        elif found:
            count, fence = count + 1, found[1]
    return count


def guide_runs(case: Case) -> Finding:
    """The deployment guide is complete, and every code block in it was run and ended with 0."""
    document = _document(case.facts, GUIDE)
    assert case.facts.documents is not None
    text = _text(document, case.evidence)
    blocks = [
        b for b in case.facts.documents.code_blocks if PurePosixPath(b.document).name == GUIDE
    ]
    problems = _section_problems(document, text)
    if len(blocks) != (count := _count_blocks(text)):
        problems.append(f"{count} code blocks in the guide, {len(blocks)} were run")
    problems += [why for block in blocks if (why := _failure(block))]
    ran = sum(block.language in _EXECUTED for block in blocks)
    if ran < 1:
        problems.append("no code in the guide was run")
    return conclude(
        problems,
        f"complete; {ran} code blocks ran to their end",
        measured=f"{sum(_failure(b) is None for b in blocks)} of {count} code blocks in order",
        bound="all",
    )


def _failure(block: CodeBlock) -> str | None:
    if block.exit_code == 0 or (block.exit_code is None and block.language == _NOT_RUN):
        return f"block {block.index}: {block.error}" if block.error else None
    reason = (block.error or "no reason is given").strip().splitlines()[-1]
    code = "did not run" if block.exit_code is None else f"ended with {block.exit_code}"
    return f"block {block.index} ({block.first_line}) {code}: {reason}"
