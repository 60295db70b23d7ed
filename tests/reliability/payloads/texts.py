"""Texts that are code to a careless reader: YAML's tags, templates, the shell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import jinja2
import yaml

from reliability.payloads import Payload

_TAGS = {
    "apply": "!!python/object/apply:builtins.open [{canary!r}, w]",
    "new": "!!python/object/new:pathlib.Path {{args: [{canary!r}], listitems: []}}",
    "state": (
        "!!python/object/new:type {{args: [z, !!python/tuple [], "
        "{{extend: !!python/name:exec }}], listitems: \"open({canary!r}, 'w')\"}}"
    ),
    "os": "!!python/object/apply:os.mkdir [{canary!r}]",
    "subprocess": "!!python/object/apply:subprocess.check_call [[touch, {canary!r}]]",
}


def _yaml(tag: str, under: str) -> Payload:
    def build(_folder: Path, canary: Path) -> bytes:
        return f"{under}: {_TAGS[tag].format(canary=str(canary))}\n".encode()

    return Payload(f"tag_{tag}_{under}", ".yaml", build, load_yaml)


def load_yaml(path: Path) -> object:
    """What a careless reader does."""
    return yaml.unsafe_load(path.read_text())


LIVE_TAGS = ("apply", "os", "state", "subprocess")
PAYLOADS = [_yaml(tag, under) for tag in LIVE_TAGS for under in ("model", "issues")]

TEMPLATES = (
    "{{ cycler.__init__.__globals__.os.mkdir(CANARY) }}",
    "{% for x in [cycler.__init__.__globals__.os.mkdir(CANARY)] %}{% endfor %}",
    "{{ lipsum.__globals__['os'].mkdir(CANARY) }}",
)
SHELL = (
    "$(mkdir CANARY)",
    "`mkdir CANARY`",
    "; mkdir CANARY ;",
    "| mkdir CANARY",
    "&& mkdir CANARY",
    "\nmkdir CANARY\n",
    "'; mkdir CANARY; '",
    '"; mkdir CANARY; "',
)
LOOKS = (
    "# heading",
    "a | b",
    "<script>alert(1)</script>",
    "![x](http://localhost/x.png)",
    "[x](javascript:alert(1))",
    "```\ncode\n```",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31mred",
    "left\u202eright",
    "a\u2028b",
    "--output=CANARY",
    "-rf",
    "=1+1",
    "\\input{x}",
    "$x^2$",
)
"""Names that only look: they may not change a document's form, nor reach a terminal raw."""


def render(text: str) -> str:
    """What a reader that takes names for templates does."""
    return jinja2.Environment().from_string(text).render()  # noqa: S701


def shell(text: str, folder: Path) -> None:
    """What a caller that pastes names into commands does, in quotes of each kind."""
    for command in (f"echo {text}", f"echo '{text}'", f'echo "{text}"'):
        subprocess.run(command, shell=True, check=False, cwd=folder, capture_output=True)  # noqa: S602
