"""The page that tells readers what a checklist asks: generated, so that it cannot drift."""

from __future__ import annotations

from seatrial.gates.checks import CHECKS
from seatrial.gates.schema import Checklist, Item
from seatrial.gates.verdicts import EXIT_CODES, MEANINGS


def render_reference(checklist: Checklist) -> str:
    """A checklist as Markdown: verdicts, exit codes, then every item with its check and bound."""
    lines = [
        f"# {checklist.title}: the {len(checklist.items)} items of `{checklist.name}`",
        "",
        f"What `checklists/{checklist.name}.yaml` asks, and how it is judged.",
        "",
        "## Verdicts",
        "",
        "| Verdict | Meaning |",
        "| --- | --- |",
        *(f"| {verdict} | {meaning} |" for verdict, meaning in MEANINGS.items()),
        "",
        "Every item is judged on every run. An item counts as passed if its verdict is PASS, or",
        "if a valid waiver stands beside another verdict: one with a reason, a name and a last day",
        "that has not gone by. Item 24 cannot be waived.",
        "",
        f"A command that judges ends with exit code {EXIT_CODES[True]} if every item counts as"
        f" passed, else with {EXIT_CODES[False]}.",
        "",
        "## Items",
    ]
    for item in checklist.items:
        lines += _item(item)
    return "\n".join(lines) + "\n"


def _item(item: Item) -> list[str]:
    evidence = item.evidence
    rows = [
        ("Claim", item.claim),
        ("Proof", item.proof),
        ("Check", f"`{item.check}`: {CHECKS[item.check].description}"),
        ("Facts", _codes(evidence.facts)),
        ("Files", _codes((*evidence.files, *(f"{name}?" for name in evidence.optional_files)))),
        ("Bound", "none" if item.bound is None else f"`{item.bound}`"),
        ("Remedy", item.remedy),
    ]
    return [
        "",
        f"### {item.id} {item.title}",
        "",
        *(f"- {name}: {' '.join(text.split())}" for name, text in rows),
    ]


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
