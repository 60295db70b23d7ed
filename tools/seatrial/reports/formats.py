"""Numbers as text: the one place where a fraction becomes a percentage and a digest is shortened.

Nothing here knows a document. Every function is total over the values a record may hold: None
becomes ``not measured`` or ``undefined: reason``, never an empty cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.evidence.records import Estimate

NOT_MEASURED = "not measured"
NOT_STATED = "not stated"
DIGEST_DIGITS = 12
_MAX_DIGITS = 6


def count(number: int) -> str:
    """``1797`` → ``1,797``."""
    return f"{number:,}"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """``2 images``, ``1 image``; ``many`` where the plural is not the noun and an s."""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def _rounded(value: float, digits: int, whole: float) -> str:
    """A share of ``whole`` strictly between none and all is never shown as either: one mistake in
    10,000 stays visible."""
    text = f"{value:.{digits}f}"
    while digits < _MAX_DIGITS and 0 < value < whole and float(text) in (0.0, whole):
        digits += 1
        text = f"{value:.{digits}f}"
    return text if float(text) else text.removeprefix("-")


def _percentage(fraction: float, digits: int) -> str:
    return _rounded(100 * fraction, digits, 100.0)


def percent(fraction: float | None, digits: int = 1) -> str:
    """``0.9722`` → ``97.2 %``."""
    return NOT_MEASURED if fraction is None else f"{_percentage(fraction, digits)} %"


def interval_percent(interval: tuple[float, float] | None) -> str:
    """``(0.949, 0.985)`` → ``[94.9, 98.5]``; empty where there is none."""
    if interval is None:
        return ""
    return f"[{_percentage(interval[0], 1)}, {_percentage(interval[1], 1)}]"


def points(fraction: float | None, signed: bool = True) -> str:
    """A difference of fractions in percentage points: ``0.006`` → ``+0.6 points``."""
    if fraction is None:
        return NOT_MEASURED
    value = round(100 * fraction, 1) + 0.0
    if value == 0 and fraction != 0:
        return f"{100 * fraction:{'+' if signed else ''}.1g} points"
    return f"{value:{'+' if signed and value else ''}.1f} points"


def decimal(value: float | None, digits: int = 3) -> str:
    """``0.96931`` → ``0.969``; like a percentage, what is below 1 is never shown as 1."""
    return NOT_MEASURED if value is None else _rounded(value, digits, 1.0)


def significant(value: float | None, digits: int = 3) -> str:
    """Three significant digits, for differences that span many orders: ``1.58e-06``."""
    return NOT_MEASURED if value is None else f"{value:.{digits}g}"


def estimate(value: Estimate | None, as_percent: bool) -> str:
    """``97.2 % [94.9, 98.5]`` or ``0.969 [0.942, 0.985]``; undefined ones say why."""
    if value is None:
        return NOT_MEASURED
    if value.value is None:
        return f"undefined: {value.reason or 'no reason recorded'}"
    if as_percent:
        return f"{percent(value.value)} {interval_percent(value.interval)}".rstrip()
    text = decimal(value.value)
    if value.interval is not None:
        text += f" [{decimal(value.interval[0])}, {decimal(value.interval[1])}]"
    return text


def p_value(value: float | None) -> str:
    """``p = 0.61``; below a thousandth ``p < 0.001``."""
    if value is None:
        return NOT_MEASURED
    return (
        "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"
    )


def milliseconds(value: float | None) -> str:
    """Two or three significant digits: ``0.213 ms``, ``4.1 ms``, ``127 ms``."""
    if value is None:
        return NOT_MEASURED
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} ms"


def megabytes(value: float | None) -> str:
    """Millions of bytes: ``44.8 MB``, ``0.24 MB``."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,.{2 if value < 10 else 1}f} MB"


def size(size_bytes: int | None) -> str:
    """Bytes as millions of bytes."""
    return megabytes(None if size_bytes is None else size_bytes / 1e6)


def ratio(value: float | None) -> str:
    """``1.62`` → ``1.62×``."""
    return NOT_MEASURED if value is None else f"{value:.2f}×"


def seconds(value: float) -> str:
    """``0.4 s``, ``21 s``, ``2 h 05 min``."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 600:
        return f"{value:.0f} s"
    hours, minutes = divmod(round(value / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def rate(images_per_second: float | None) -> str:
    """Images a second, whole above ten."""
    if images_per_second is None:
        return NOT_MEASURED
    return f"{images_per_second:,.{0 if images_per_second >= 10 else 1}f} images/s"


def digest(value: str | None) -> str:
    """The first twelve hexadecimal digits."""
    return NOT_MEASURED if value is None else value[:DIGEST_DIGITS]


def stated(value: object) -> str:
    """What a person declared, or ``not stated``."""
    return NOT_STATED if value is None or not str(value).strip() else str(value)


def listing(names: Sequence[str], most: int = 5) -> str:
    """``a, b and c``; beyond ``most`` the rest is counted."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {count(len(names) - most)} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def yes_no(value: bool) -> str:
    """``yes`` or ``no``."""
    return "yes" if value else "no"
