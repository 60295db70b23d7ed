"""What every benchmark gives: figures with their bounds, on a machine that is named."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version
from typing import Any

from seatrial.machine import processor_name, usable_cores

_PACKAGES = ("seatrial", "torch", "torchvision", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Figure:
    """One measured value, and what is required of it if anything is."""

    what: str
    value: float | str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the value is within its bounds. Text has none."""
        if isinstance(self.value, str):
            return True
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def row(self) -> str:
        """As a row of a Markdown table."""
        found = self.value if isinstance(self.value, str) else _rounded(self.value)
        required = ""
        if self.at_least is not None:
            required = f"≥ {self.at_least:g}{_spaced(self.unit)}"
        elif self.at_most is not None:
            required = f"≤ {self.at_most:g}{_spaced(self.unit)}"
        if not self.holds:
            required += ", missed"
        return f"| {self.what} | {found}{_spaced(self.unit)} | {required} |"

    def as_plain_data(self) -> dict[str, object]:
        """For JSON."""
        return {
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "holds": self.holds,
        }


def read(plain: Mapping[str, Any]) -> Figure:
    """A figure from :meth:`Figure.as_plain_data`."""
    return Figure(**{name: value for name, value in plain.items() if name != "holds"})


class Skipped(Exception):
    """Why nothing could be measured."""


HEAD = ("| what | measured | required |", "|---|---|---|")


def machine() -> dict[str, object]:
    """The machine, its load and the versions, now."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor_name(),
        "cores": usable_cores(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


Measure = Callable[[argparse.Namespace], Sequence[Figure]]


def main(
    described: str | None,
    measure: Measure,
    add_options: Callable[[argparse.ArgumentParser], None] = lambda _parser: None,
) -> int:
    """Parse the arguments, measure, print a table or one JSON document.

    The exit code: 0 where every figure is within its bounds or the benchmark is skipped, else 1.
    """
    title = (described or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_options(parser)
    asked = parser.parse_args()
    on = machine()  # before the benchmark itself is the load
    try:
        figures, skipped = measure(asked), None
    except Skipped as reason:
        figures, skipped = (), str(reason)
    if asked.json:
        rows = [figure.as_plain_data() for figure in figures]
        document = {"title": title, "machine": on, "skipped": skipped, "figures": rows}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print("\n".join([title, "", *_machine_lines(on), "", *_table(figures, skipped)]))
    return 0 if all(figure.holds for figure in figures) else 1


def note(text: str) -> None:
    """Progress, beside what is measured."""
    print(text, file=sys.stderr, flush=True)


def _machine_lines(on: dict[str, object]) -> list[str]:
    return [f"{name}: {value}" for name, value in on.items()]


def _table(figures: Sequence[Figure], skipped: str | None) -> list[str]:
    if skipped is not None:
        return [f"skipped: {skipped}"]
    return [*HEAD, *(figure.row() for figure in figures)]


def _rounded(value: float) -> str:
    """Three significant digits, and no fewer digits than the whole number has."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit and unit != "×" else unit
