"""``seatrial demo``, step by step.

    python benchmarks/the_demo.py [--json] [--rounds 3]

The whole job on scikit-learn's handwritten digits, in a new folder each time; medians.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import commands
import reporting
from reporting import Figure
from seatrial.steps import ORDER

MOST_SECONDS = 90


def measure(asked: argparse.Namespace) -> Sequence[Figure]:
    """Seconds of the command, and of each step."""
    done = []
    for number in range(asked.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            done.append(commands.seatrial("demo", folder=folder, run=folder / "demo"))
        reporting.note(f"round {number + 1} of {asked.rounds}: {done[-1].seconds:.1f} s")
        if done[-1].exit_code != 0:
            raise SystemExit("an item other than the approval fails in the demo")
    rest = median(one.seconds - sum(one.steps.values()) for one in done)
    return [
        Figure("`demo`", median(one.seconds for one in done), "s", at_most=MOST_SECONDS),
        *(
            Figure(f"`demo`, {step}", median(one.steps[step] for one in done), "s")
            for step in ORDER
        ),
        Figure("`demo`, starting, publishing, ending", rest, "s"),
    ]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, help="demos")


if __name__ == "__main__":
    sys.exit(reporting.main(__doc__, measure, _options))
