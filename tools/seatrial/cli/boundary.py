"""The one place where errors become a line on stderr and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from seatrial.cli.terminal import printable_streams
from seatrial.errors import ConfigurationError, InputError, SeatrialError
from seatrial.files import DISK_ERRORS, reason_of

USAGE, BUG, INTERRUPTED = 2, 5, 130


def run(command: click.Command) -> None:
    """Run a command and end the process with the documented exit code."""
    with printable_streams():
        _run(command)


def _run(command: click.Command) -> None:
    _take_any_text()
    try:
        result = command.main(prog_name=_name(command), standalone_mode=False)
        _flush()
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        complain("interrupted")
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        complain(" ".join(error.format_message().split()))
        sys.exit(USAGE)
    except ConfigurationError as error:
        complain(*error.problems)
        sys.exit(error.exit_code)
    except SeatrialError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _give_up_stdout()
        sys.exit(INTERRUPTED)
    except Exception as error:
        refusal = _refusal(error)
        if refusal is not None:
            complain(refusal)
            sys.exit(InputError.exit_code)
        traceback.print_exc()
        complain("this is a bug in Seatrial; please report it with the lines above")
        sys.exit(BUG)
    sys.exit(result if isinstance(result, int) else 0)


def complain(*problems: str) -> None:
    """Say what is wrong on stderr, one line a problem, whatever names of files it repeats.

    Line breaks and control characters are written as escapes. Of very many problems the first are
    said, and of a very long one its beginning and end.
    """
    for problem in problems[:_MOST_PROBLEMS]:
        click.echo(f"seatrial: {_one_line(problem)}", err=True)
    if len(problems) > _MOST_PROBLEMS:
        click.echo(f"seatrial: and {len(problems) - _MOST_PROBLEMS} more problems", err=True)


_MOST_PROBLEMS, _MOST_CHARACTERS = 100, 1200


def _one_line(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        half = _MOST_CHARACTERS // 2
        text = f"{text[:half]} … {text[-half:]}"
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text.rstrip())


def _take_any_text() -> None:
    """Let stdout take every text: a name of a file may be no UTF-8, a terminal may be ASCII."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Now, so that a full disk behind stdout is an error and not a complaint of Python's."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _OutputError(error) from None


class _OutputError(InputError):
    def __init__(self, error: OSError) -> None:
        super().__init__(f"output: cannot write: {reason_of(error)}")
        _give_up_stdout()


def _give_up_stdout() -> None:
    # Python would complain again when it flushes at the end.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refusal(error: Exception) -> str | None:
    """One line for what the machine refuses, which is no bug; None for anything else."""
    if isinstance(error, MemoryError):
        return "not enough memory for this"
    if not isinstance(error, OSError):
        return None
    if not _has_current_folder():
        return "the current folder has been removed; go to the folder of a project"
    if error.errno in DISK_ERRORS:
        if error.filename is None:
            _give_up_stdout()
            return f"output: cannot write: {reason_of(error)}"
        return f"{os.fsdecode(error.filename)}: {reason_of(error)}"
    return None


def _has_current_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _name(command: click.Command) -> str:
    return "seatrial" if command.name == "seatrial" else f"seatrial {command.name}"


class StopRequest:
    """Whether ctrl-C or SIGTERM came. Training asks and ends whole; anything else just ends."""

    def __init__(self) -> None:
        self.requested = False
        self.training = False

    def __call__(self) -> bool:
        return self.requested

    def notice(self, event: dict[str, object]) -> None:
        """Follow which step is at work."""
        if event.get("event") == "step":
            self.training = event["step"] == "train" and event["state"] == "started"

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """A signal handler: the first signal in training is a request, any other one ends."""
        if self.requested or not self.training:
            raise KeyboardInterrupt
        self.requested = True


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Turn ctrl-C and SIGTERM into a request to stop at the next safe point."""
    stop = StopRequest()
    earlier = {number: signal.signal(number, stop.receive) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
