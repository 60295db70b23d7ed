"""What the real validator does not see in commands, skills and phases: each rule gives problems."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import BaseModel

from seatrial.cli.main import COMMANDS
from seatrial.config.schema import Config

COMMAND_KEYS = {
    "description", "argument-hint", "allowed-tools", "disallowed-tools", "model", "effort",
    "disable-model-invocation", "user-invocable", "name", "arguments", "shell",
}  # fmt: skip
SKILL_KEYS = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
"""Those of the Agent Skills specification, so that other assistants read them too."""
TOOLS = {
    "Agent", "AskUserQuestion", "Bash", "BashOutput", "Edit", "ExitPlanMode", "Glob", "Grep",
    "KillShell", "NotebookEdit", "Read", "Skill", "SlashCommand", "Task", "TodoWrite", "WebFetch",
    "WebSearch", "Write",
}  # fmt: skip

_FILES = (".yaml", ".json", ".md")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_TOOL = re.compile(r"([A-Za-z]+)(?:\(([^)]*)\))?")
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_ROOTED = re.compile(r"\$\{CLAUDE_PLUGIN_ROOT\}/([\w./-]*\w)")


def front_matter(text: str) -> dict[str, Any]:
    """The keys of a file's front matter; empty if there is none."""
    match = _FRONT_MATTER.match(text)
    return (yaml.safe_load(match[1]) or {}) if match else {}


def front_matter_problems(text: str, allowed: set[str]) -> Iterator[str]:
    """Missing, unknown, and unquoted values, which older versions of Claude Code misread."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        yield "no front matter"
        return
    keys = front_matter(text)
    yield from (f"front matter: unknown key {key}" for key in sorted(set(keys) - allowed))
    if not keys.get("description"):
        yield "front matter: no description"
    elif len(keys["description"]) > 1024:
        yield "front matter: description longer than 1024 characters"
    for line in match[1].splitlines():
        key, _, value = line.partition(":")
        if key != "name" and not re.fullmatch(r'\s*"[^"]*"', value):
            yield f"front matter: value of {key} is not quoted"


def tool_problems(text: str) -> Iterator[str]:
    """Tools that do not exist, and shell rights wider than a command of ours."""
    rights = front_matter(text).get("allowed-tools", "")
    for name, pattern in _TOOL.findall(rights):
        if name not in TOOLS:
            yield f"allowed-tools: no tool {name}"
        if name == "Bash" and not any(pattern.startswith(f"seatrial {verb} ") for verb in COMMANDS):
            yield f"allowed-tools: Bash({pattern}) is not limited to a command of seatrial"


def reference_problems(text: str, file: Path, root: Path) -> Iterator[str]:
    """Links, anchors and plugin paths that lead nowhere."""
    for target in _ROOTED.findall(text):
        if not (root / target).exists():
            yield f"refers to {target}, which does not exist"
    for target in _LINK.findall(text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (file.parent / path).resolve() if path else file
        if not found.exists():
            yield f"links to {target}, which does not exist"
        elif anchor and anchor not in anchors(found.read_text(encoding="utf-8")):
            yield f"links to {target}, which has no such heading"


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown page's headings get."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def usage_problems(text: str) -> Iterator[str]:
    """Commands and options of ``seatrial`` that do not exist, in spans of code."""
    for span in _SPAN.findall(text):
        words = span.removeprefix("bin/").split()
        if not words or words[0] != "seatrial" or len(words) == 1 or "*" in span:
            continue
        if words[1].startswith("-"):
            known = {"--help", "--version"}
        elif words[1] not in COMMANDS:
            yield f"`{span}`: no command {words[1]}"
            continue
        else:
            known = options(words[1])
        for word in words[1:]:
            if word.startswith("--") and word not in known:
                yield f"`{span}`: no option {word}"


def options(verb: str) -> set[str]:
    """Every option of a command and of the commands below it."""
    command = import_module(f"seatrial.cli.{verb.replace('-', '_')}").command
    found = {"--help"}
    for part in [command, *getattr(command, "commands", {}).values()]:
        for parameter in part.params:
            if isinstance(parameter, click.Option):
                found |= set(parameter.opts) | set(parameter.secondary_opts)
    return found


def configuration_problems(text: str) -> Iterator[str]:
    """Dotted names in spans of code that begin as a configuration does and lead nowhere."""
    for span in _SPAN.findall(text):
        name = span.split("=")[0]
        section = name.split(".")[0]
        dotted = re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", name) and not name.endswith(_FILES)
        if dotted and section in Config.model_fields and not _has_field(Config, name.split(".")):
            yield f"`{span}`: the configuration has no {name}"


def _has_field(model: type[BaseModel], path: list[str]) -> bool:
    field = model.model_fields.get(path[0])
    if field is None or len(path) == 1:
        return field is not None
    inner = field.annotation
    return isinstance(inner, type) and issubclass(inner, BaseModel) and _has_field(inner, path[1:])


def name_problems(text: str) -> Iterator[str]:
    """A command called without its prefix may be another of the same name."""
    for match in re.finditer(r"(?<![\w:/.])/finalize\b", text):
        yield f"/finalize without its prefix at character {match.start()}"
