"""The model against its exported files, image by image, on the whole test set.

Each file is run in a process of its own by ``child``; ``comparing`` is the arithmetic and
``verification`` the way through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.parity.verification import verify

__all__ = ["verify"]


def __getattr__(name: str) -> Any:
    # The child imports this package too, and starts sooner without what only the parent needs.
    if name == "verify":
        from seatrial.parity.verification import verify

        return verify
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
