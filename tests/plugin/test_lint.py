"""The plugin's texts refer to nothing that is not there, and the lint that says so can say no."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import seatrial
from plugin import lint
from seatrial import errors
from seatrial.cli import boundary

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(ROOT.glob("commands/*.md"))
SKILLS = sorted(ROOT.glob("skills/*/SKILL.md"))
PHASES = sorted(ROOT.glob("phases/*/*.md"))
PAGES = [ROOT / name for name in ("AGENTS.md", "CONTRIBUTING.md", "CHANGELOG.md", "README.md")]
WORKFLOW = ROOT / "phases/05_finalization/workflow.md"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_a_command_a_skill_and_a_workflow() -> None:
    assert ROOT / "commands/finalize.md" in COMMANDS
    assert ROOT / "skills/seatrial/SKILL.md" in SKILLS
    assert WORKFLOW in PHASES


@pytest.mark.parametrize("path", COMMANDS, ids=name)
def test_a_commands_front_matter_is_sound(path: Path) -> None:
    text = path.read_text()
    assert list(lint.front_matter_problems(text, lint.COMMAND_KEYS)) == []
    assert list(lint.tool_problems(text)) == []
    assert lint.front_matter(text)["allowed-tools"]


@pytest.mark.parametrize("path", SKILLS, ids=name)
def test_a_skills_front_matter_is_sound_and_its_name_its_own(path: Path) -> None:
    text = path.read_text()
    assert list(lint.front_matter_problems(text, lint.SKILL_KEYS)) == []
    assert lint.front_matter(text)["name"] == path.parent.name
    assert path.parent.name not in {command.stem for command in COMMANDS}


@pytest.mark.parametrize("path", [*COMMANDS, *SKILLS, *PHASES, *PAGES], ids=name)
def test_what_a_page_names_exists(path: Path) -> None:
    text = path.read_text()
    problems = [
        *lint.reference_problems(text, path, ROOT),
        *lint.usage_problems(text),
        *lint.configuration_problems(text),
        *lint.name_problems(text),
    ]
    assert problems == []


def test_the_command_routes_to_the_workflow_and_stays_short() -> None:
    text = (ROOT / "commands/finalize.md").read_text()
    assert f"${{CLAUDE_PLUGIN_ROOT}}/{name(WORKFLOW)}" in text
    assert "$ARGUMENTS" in text
    assert len(text.splitlines()) < 100


def test_the_workflow_has_a_paragraph_for_each_item_under_its_title() -> None:
    checklist = yaml.safe_load((ROOT / "checklists/production_ready.yaml").read_text())
    titles = {item["id"]: item["title"] for item in checklist["items"]}
    found = re.findall(r"^(\d+)\. \*\*(.+?)\.\*\*", WORKFLOW.read_text(), re.MULTILINE)
    assert {int(number): title for number, title in found} == titles
    assert sorted(titles) == list(range(1, 25))


def test_every_exit_code_is_explained_and_no_other() -> None:
    kinds = [errors.Refused, errors.ConfigurationError, errors.InputError, errors.TrainingError]
    codes = {0, boundary.BUG, boundary.INTERRUPTED, *(kind.exit_code for kind in kinds)}
    command = (ROOT / "commands/finalize.md").read_text().partition("## Items")[0]
    in_command = re.findall(r"^\| (\d+) \|", command, re.MULTILINE)
    in_workflow = re.findall(r"^- \*\*(\d+)\*\*:", WORKFLOW.read_text(), re.MULTILINE)
    assert sorted(map(int, in_command)) == sorted(map(int, in_workflow)) == sorted(codes)


def test_versions_are_in_step() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    plugin = json.loads((ROOT / ".claude-plugin/plugin.json").read_text())["version"]
    changes = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {project, plugin, changes[1]} == {seatrial.__version__}


def test_the_marketplace_offers_the_plugin_from_this_folder() -> None:
    offered = json.loads((ROOT / ".claude-plugin/marketplace.json").read_text())["plugins"]
    plugin = json.loads((ROOT / ".claude-plugin/plugin.json").read_text())
    assert [(entry["name"], entry["source"]) for entry in offered] == [(plugin["name"], "./")]
    assert offered[0]["description"] == plugin["description"]


def test_the_root_has_no_file_that_the_validator_refuses() -> None:
    assert not (ROOT / "CLAUDE.md").exists()


def test_what_is_run_directly_is_executable_in_git() -> None:
    scripts = ("bin/seatrial", ".ci/run", "tools/find_python.sh")
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: modes are those of the files")
    listed = subprocess.run(
        ["git", "ls-files", "-s", *scripts], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["100755"] * len(scripts)


GOOD = '---\ndescription: "Does."\nallowed-tools: "Bash(seatrial gate *), Read"\n---\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# no front matter", "no front matter"),
        ('---\nargument-hint: "x"\n---\n', "no description"),
        ('---\ndescription: "x"\nsurprise: "y"\n---\n', "unknown key surprise"),
        ("---\ndescription: x y\n---\n", "not quoted"),
        (f'---\ndescription: "{"x" * 1025}"\n---\n', "longer than"),
        ('---\ndescription: "x"\nallowed-tools: "Telepathy"\n---\n', "no tool Telepathy"),
        ('---\ndescription: "x"\nallowed-tools: "Bash"\n---\n', "not limited"),
        ('---\ndescription: "x"\nallowed-tools: "Bash(python *)"\n---\n', "not limited"),
        ('---\ndescription: "x"\nallowed-tools: "Bash(seatrial *)"\n---\n', "not limited"),
        (GOOD + "[x](absent.md)", "links to absent.md"),
        (GOOD + "[x](#nowhere)", "no such heading"),
        (GOOD + "`${CLAUDE_PLUGIN_ROOT}/absent/file.md`", "refers to absent/file.md"),
        (GOOD + "`seatrial frobnicate`", "no command frobnicate"),
        (GOOD + "`seatrial gate --harder`", "no option --harder"),
        (GOOD + "`training.bach_size`", "no training.bach_size"),
        (GOOD + "`export.quantization.dtyp=int8`", "no export.quantization.dtyp"),
        (GOOD + "run /finalize now", "without its prefix"),
    ],
)
def test_the_lint_finds_what_is_wrong(tmp_path: Path, text: str, expected: str) -> None:
    problems = problems_of(text, tmp_path)
    assert len(problems) == 1
    assert expected in problems[0]


def test_the_lint_finds_nothing_in_a_good_page(tmp_path: Path) -> None:
    text = GOOD + "# A heading\n[x](#a-heading) `seatrial gate --json` `training.epochs=5`"
    assert problems_of(text, tmp_path) == []


def problems_of(text: str, folder: Path) -> list[str]:
    page = folder / "page.md"
    page.write_text(text)
    return [
        *lint.front_matter_problems(text, lint.COMMAND_KEYS),
        *lint.tool_problems(text),
        *lint.reference_problems(text, page, folder),
        *lint.usage_problems(text),
        *lint.configuration_problems(text),
        *lint.name_problems(text),
    ]
