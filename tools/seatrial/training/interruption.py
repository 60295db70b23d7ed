"""What ends a training from outside."""

from __future__ import annotations

from seatrial.errors import SeatrialError


class Interrupted(SeatrialError):
    """Training was asked to stop. Its last checkpoint is saved and resuming goes on from it."""

    exit_code = 130
