"""The time until the program answers: ``seatrial --help`` against ``python -c pass``.

    python benchmarks/start_up.py [--json] [--rounds 21]

One process of each kind in turn, round after round; medians.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import reporting
from reporting import Figure

MOST_MS = 300
COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "seatrial": [str(Path(sys.executable).with_name("seatrial")), "--help"],
    "module": [sys.executable, "-m", "seatrial.cli.train", "--help"],
}


def measure(asked: argparse.Namespace) -> Sequence[Figure]:
    """Milliseconds of each kind of process."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_number in range(asked.rounds + 1):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if round_number:  # the first reads the disk
                taken[name].append((time.perf_counter() - started) * 1e3)
    python, seatrial, module = (median(taken[name]) for name in COMMANDS)
    ratios = [a / b for a, b in zip(taken["seatrial"], taken["python"], strict=True)]
    return [
        Figure("`seatrial --help`", seatrial, "ms", at_most=MOST_MS),
        Figure("`python -m seatrial.cli.train --help`", module, "ms", at_most=MOST_MS),
        Figure("`python -c pass`", python, "ms"),
        Figure("`seatrial --help` in times of `python -c pass`", median(ratios), "×"),
    ]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=21, help="processes of each kind")


if __name__ == "__main__":
    sys.exit(reporting.main(__doc__, measure, _options))
