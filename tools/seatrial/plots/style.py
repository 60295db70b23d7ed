"""One quiet look for every picture, and files whose bytes depend on the figures alone."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.files import write_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, RULE = "#222222", "#6b6b6b", "#d8d8d8"
BLUE, ORANGE, TEAL = "#1f4e79", "#d97706", "#5aa9a3"
"""Dark, middle and light: apart from each other in grey print and to the colour-blind."""

DPI = 120
_STYLE: dict[str, Any] = {
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titlepad": 8,
    "axes.unicode_minus": True,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "savefig.dpi": DPI,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called $5_bill
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
}


def draw(path: Path, make: Callable[[], Figure]) -> None:
    """Write the figure that ``make`` builds to ``path`` as PNG, atomically.

    The user's own matplotlib settings have no part in it, and the file holds no date and no
    version, so that the same figures on the same versions give the same bytes.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    defaults: dict[Any, Any] = {
        key: value
        for key, value in matplotlib.rcParamsDefault.items()
        if not key.startswith(("backend", "webagg", "interactive", "toolbar", "date.epoch"))
    }
    with warnings.catch_warnings(), matplotlib.rc_context(defaults | _STYLE):
        warnings.simplefilter("ignore")
        figure = make()
        FigureCanvasAgg(figure)
        write_with(path, lambda out: figure.savefig(out, format="png", metadata={"Software": None}))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` × ``height`` inches, laid out so that nothing is cut off."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.09, h_pad=0.09)  # type: ignore[call-arg]
    return figure


def light_grid(axes: Axes, axis: str = "y") -> None:
    """Thin rules behind the data, along one axis."""
    axes.set_axisbelow(True)
    axes.grid(axis=axis, color=RULE, linewidth=0.6)  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap())


def drawable(text: str) -> str:
    """``text`` on one line, with a box for each character that the font does not have."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        character
        if ord(character) in _glyphs() and character.isprintable()
        else (" " if character.isspace() else "\N{WHITE SQUARE}")
        for character in composed
    )


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters: the middle gives way, since both ends tell names apart.

    >>> shortened("photo_0001_of_the_left_side.jpg", 15)
    'photo_0…ide.jpg'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - tail :]}"


def class_labels(classes: Sequence[str], length: int) -> list[str]:
    """Names fit for an axis: drawable, shortened, and each still its own.

    A name that cannot be drawn, or that would equal another, gets the number of its class.
    """
    shown = [shortened(drawable(name).strip(), length) for name in classes]
    seen: dict[str, int] = {}
    for name in shown:
        seen[name] = seen.get(name, 0) + 1
    return [
        f"{index} {name}".strip()
        if not name or seen[name] > 1 or ("\N{WHITE SQUARE}" in name and name != classes[index])
        else name
        for index, name in enumerate(shown)
    ]
