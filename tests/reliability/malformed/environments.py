"""Odd surroundings: no home, no git, a folder that is gone, output that nobody takes."""

from __future__ import annotations

from pathlib import Path

from reliability.malformed.case import Case, writes
from reliability.malformed.seed import TRAIN

STATUS, CHECK = ("status",), ("config", "check", "config.yaml")


def _fine(name: str, arguments: tuple[str, ...], **environment: str | None) -> Case:
    return Case(name, arguments, 0, (), lines=0, environment=environment)


def _file_for_home(project: Path) -> None:
    (project / "home").write_text("a file")


CASES = (
    _fine("no home", CHECK, HOME=None),
    _fine("a home that is nowhere", CHECK, HOME="/nowhere"),
    _fine("no path", STATUS, PATH=None),
    _fine("an empty path", STATUS, PATH=""),
    _fine("no temporary folder", STATUS, TMPDIR="/nowhere"),
    _fine("a tiny terminal", STATUS, COLUMNS="1", LINES="1"),
    _fine("a terminal of a negative width", STATUS, COLUMNS="-5"),
    _fine("a terminal of words", STATUS, COLUMNS="wide", TERM="nonsense"),
    _fine("a locale that is none", STATUS, LC_ALL="nonsense"),
    _fine("threads of words", STATUS, OMP_NUM_THREADS="many"),
    Case("no home, at a training", TRAIN, 0, lines=None, trains=True, environment={"HOME": None}),
    Case("no git, at a training", TRAIN, 0, lines=None, trains=True, environment={"PATH": ""}),
    Case(
        "torchrun's variables at the gate",
        ("finalize", "--config", "config.yaml"),
        2,
        ("torchrun",),
        environment={"TORCHELASTIC_RUN_ID": "x"},
    ),
    Case(
        "a home for data that is nowhere",
        (*TRAIN, "data.root=~/images"),
        3,
        ("images",),
        environment={"HOME": "/nowhere"},
    ),
    Case("a home of an unknown user", (*TRAIN, "data.root=~nobody-here/images"), 3, ("images",)),
    Case("the current folder is gone", STATUS, 3, ("current folder",), folder="{gone}"),
    Case("the current folder is gone, at a check", CHECK, 3, ("no such file",), folder="{gone}"),
    Case("a full disk for output", CHECK, 3, ("output", "full"), stdout="/dev/full"),
    Case(
        "a full disk for much output",
        ("config", "schema"),
        3,
        ("output", "full"),
        stdout="/dev/full",
    ),
    Case("no stdout", CHECK, 0, lines=0, stdout="{closed}"),
    Case(
        "no stdout, and a mistake",
        CHECK,
        2,
        ("config.yaml",),
        writes("config.yaml", "a: 1\n"),
        lines=None,
        stdout="{closed}",
    ),
    Case(
        "output of ASCII alone",
        CHECK,
        0,
        (),
        writes(
            "config.yaml",
            "documents: {name: é}\n"
            "model: {architecture: simple_cifar_net}\ndata: {source: digits}\n",
        ),
        lines=0,
        encoding="ascii",
    ),
    Case("output of ASCII alone, for a run", STATUS, 0, lines=0, encoding="ascii"),
    Case("output of Latin-1", STATUS, 0, lines=0, encoding="latin-1"),
)
