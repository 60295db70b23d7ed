"""Numbers against bounds: the generic checks, and how numbers read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from seatrial.config.schema import Config
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import Estimate
from seatrial.gates.checks.case import Case
from seatrial.gates.paths import value_at
from seatrial.gates.schema import Item, Unit
from seatrial.gates.verdicts import Finding, NotChecked

TOLERANCE = 1e-9
"""Slack for rounding in a comparison: .95 - .9 is .05 to a reader, and not in binary."""

_FORMS: dict[Unit, Callable[[float, int], str]] = {
    "percent": lambda value, digits: f"{100 * value:.{digits}f} %",
    "points": lambda value, digits: f"{100 * value:.{digits}f} points",
    "number": lambda value, digits: f"{value:.{digits + 2}f}",
    "ms": lambda value, digits: f"{value:.{digits + 1}f} ms",
    "MB": lambda value, digits: f"{value:.{digits}f} MB",
}
_MOST_DIGITS = 8


def shown(value: float, unit: Unit, beside: float | None = None) -> str:
    """``value`` in its unit, with as many digits as tell it from ``beside``."""
    form = _FORMS[unit]
    for digits in range(1, _MOST_DIGITS):
        text = form(value, digits)
        same = beside is None or abs(value - beside) <= TOLERANCE
        if same or text != form(beside or 0.0, digits):
            return text
    return repr(value)


def shown_estimate(estimate: Estimate, unit: Unit, beside: float | None = None) -> str:
    """A value with its 95 % interval, where it has one."""
    if estimate.value is None:
        return f"undefined: {estimate.reason or 'no reason given'}"
    text = shown(estimate.value, unit, beside)
    if estimate.interval is None:
        return text
    return f"{text} {shown_interval(estimate.interval, unit)}"


def shown_interval(interval: tuple[float, float], unit: Unit) -> str:
    """A 95 % interval in the unit of the value before it, which it does not repeat."""
    low, high = (shown(end, unit).split(" ")[0] for end in interval)
    return f"[{low}, {high}]"


def bound_of(config: Config, item: Item) -> float | None:
    """The number an item must keep; None where the configuration does not declare it."""
    if isinstance(item.bound, str):
        value = value_at(config, item.bound)
        return None if value is None else float(value)
    return item.bound


def shown_bound(item: Item, bound: float | None, word: str) -> str:
    """The bound as text, with where it is declared."""
    source = f" ({item.bound})" if isinstance(item.bound, str) else ""
    return f"not declared{source}" if bound is None else f"{word} {shown(bound, item.unit)}{source}"


def at_least(case: Case) -> Finding:
    """The item's first fact is not below its bound."""
    return _compare(case.facts, case.item, "at least")


def at_most(case: Case) -> Finding:
    """The item's first fact is not above its bound."""
    return _compare(case.facts, case.item, "at most")


Word = Literal["at least", "at most"]


def keeps(value: float, word: Word, bound: float) -> bool:
    """Whether a value keeps a bound, rounding aside."""
    slack = TOLERANCE * max(1.0, abs(bound))
    return value >= bound - slack if word == "at least" else value <= bound + slack


def _compare(facts: Facts, item: Item, word: Word) -> Finding:
    bound = bound_of(facts.config, item)
    estimate = _measured(facts, item.evidence.facts[0])
    value = estimate.value
    assert value is not None
    text = shown_estimate(estimate, item.unit, bound)
    declared = shown_bound(item, bound, word)
    if bound is None:
        if item.undeclared == "fail":
            reason = f"{item.bound} is not declared, so nothing says what is enough"
            remedy = f"Declare {item.bound} in the configuration, before looking at the test set."
            return Finding("FAIL", reason, text, declared, remedy)
        return Finding("PASS", f"measured; {item.bound} is not declared", text, declared)
    kept = keeps(value, word, bound)
    reason = f"{text}, {word} {shown(bound, item.unit, value)} required"
    if kept and estimate.interval is not None:
        reason += f"; {_clearance(estimate.interval, word, bound, item.unit)}"
    return Finding("PASS" if kept else "FAIL", reason, text, declared)


def _measured(facts: Facts, path: str) -> Estimate:
    value = value_at(facts, path)
    estimate = value if isinstance(value, Estimate) else Estimate(value=value)
    if estimate.value is None:
        raise NotChecked(f"{path} is undefined: {estimate.reason or 'no reason is recorded'}")
    return estimate


def _clearance(interval: tuple[float, float], word: Word, bound: float, unit: Unit) -> str:
    end, name = (interval[0], "lower") if word == "at least" else (interval[1], "upper")
    verb = "clears the bound" if keeps(end, word, bound) else "does not clear it"
    return f"the {name} end of the 95 % interval, {shown(end, unit, bound)}, {verb}"
