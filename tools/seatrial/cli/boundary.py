"""The one place where errors become a line on stderr and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from seatrial.errors import SeatrialError

USAGE, BUG, INTERRUPTED = 2, 5, 130


def run(command: click.Command) -> None:
    """Run a command and end the process with the documented exit code."""
    try:
        result = command.main(prog_name=_name(command), standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        _say(" ".join(error.format_message().split()))
        sys.exit(USAGE)
    except SeatrialError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout has gone; Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(INTERRUPTED)
    except Exception:
        traceback.print_exc()
        _say("this is a bug in Seatrial; please report it with the lines above")
        sys.exit(BUG)
    sys.exit(result if isinstance(result, int) else 0)


def _name(command: click.Command) -> str:
    return "seatrial" if command.name == "seatrial" else f"seatrial {command.name}"


def _say(message: str) -> None:
    for line in message.splitlines():
        click.echo(f"seatrial: {line}", err=True)


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
