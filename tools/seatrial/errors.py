"""Errors that are a user's to mend, each with the exit code that the command line documents.

An error that is not one of these is a bug: it keeps its traceback and ends with exit code 5.
"""

from __future__ import annotations

from typing import ClassVar


class SeatrialError(Exception):
    """Base of every error with one line for the user: what was required, found, and comes next."""

    exit_code: ClassVar[int] = 5


class Refused(SeatrialError):
    """A gate or a comparison says no."""

    exit_code = 1


class ConfigurationError(SeatrialError):
    """Bad usage or configuration. ``problems`` holds every problem found, one line each."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InputError(SeatrialError):
    """Missing or bad input: data, a checkpoint, an export, a disk that does not take a file."""

    exit_code = 3


class TrainingError(SeatrialError):
    """Training failed: not-a-number, divergence, memory."""

    exit_code = 4
