"""From a trained model to files that run without its code: one file per format.

``formats`` is the table of formats and ``exporting`` the way through it; ``quantization`` holds
the search for an int8 setting, which runs in a process of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.export.exporting import export_all

__all__ = ["export_all"]


def __getattr__(name: str) -> Any:
    # The search's process imports this package too, and must start without torch.
    if name == "export_all":
        from seatrial.export.exporting import export_all

        return export_all
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
