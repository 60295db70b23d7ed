"""A process with everything imported, which forks a child for each command line.

So the limits measure what Seatrial does with its input and not how long torch takes to load, and
a case takes milliseconds. Run as a program; an order is a line of JSON on stdin, the answer a line
on stdout.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

MODULES = (
    "git", "lightning_fabric", "matplotlib.figure", "numpy", "omegaconf", "onnx",
    "onnx.external_data_helper", "onnxruntime", "onnxscript", "PIL.Image", "psutil",
    "safetensors.torch", "scipy.stats", "sklearn.datasets", "sklearn.metrics", "torch",
    "torch.export", "torchvision.datasets", "torchvision.models",
)  # fmt: skip
WALL_SECONDS = 60
"""For what waits without computing, such as a pipe that nobody writes to."""
ADDRESS_SPACE = 6 << 30
"""Added to what the warm process has: a net for this machine. What counts is measured."""


def warm_up() -> None:
    """Import what any command imports, and ask once for what never changes."""
    from importlib import import_module

    from seatrial.cli.main import COMMANDS
    from seatrial.evidence import environment

    for name in MODULES:
        import_module(name)
    for name in COMMANDS:
        import_module(f"seatrial.cli.{name.replace('-', '_')}")
    for name in ("finalize", "pipeline", "serving.predictions", "serving.load_test", "status"):
        import_module(f"seatrial.{name}")
    from PIL import Image

    Image.init()
    environment.code_digest()
    environment.packages()
    gc.collect()
    gc.freeze()  # or the first collection in a child would copy every page


def main() -> None:
    """Answer orders until stdin ends; in a child, run the command instead."""
    warm_up()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := sys.stdin.readline():
        order = json.loads(line)
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(tell, str(_resident_kb()).encode())
            os.close(tell)
            os.close(told)
            _become(order)
        os.close(tell)
        with os.fdopen(told) as stream:
            before_kb = int(stream.read())
        _, status, used = os.wait4(child, 0)
        _end_group(child)
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "cpu_s": used.ru_utime + used.ru_stime,
            "grown_kb": max(0, _peak_kb(used) - before_kb),
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os._exit(0)  # nothing is open, and some libraries complain when they are torn down


def _become(order: dict[str, Any]) -> NoReturn:
    """Turn this fork into the command line that the order describes, and run it."""
    os.setsid()  # so that what it leaves running can be ended with it
    os.environ.clear()
    os.environ.update(order["environment"])
    tempfile.tempdir = None
    os.umask(0o022)
    _redirect(order["stdout"], order["stderr"], order["encoding"])
    _enter(Path(order["folder"]))
    sys.argv = ["seatrial", *order["arguments"]]
    seconds = order["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_virtual() + ADDRESS_SPACE,) * 2)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    _end_like_python()


def _end_like_python() -> NoReturn:
    """Run the command, then what the interpreter's shutdown does of Python's own.

    Libraries of C++ are not torn down: they would wait for threads that the fork has not.
    """
    from seatrial.cli.main import main as command_line

    code = 5
    try:
        command_line()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        traceback.print_exc()
        code = 120
    sys.stderr.flush()
    os._exit(code)


def _redirect(stdout: str, stderr: str, encoding: str) -> None:
    """Give the process standard streams as the interpreter makes them when it starts."""
    closed = stdout == "{closed}"
    names = ((0, os.devnull), (1, os.devnull if closed else stdout), (2, stderr))
    for number, name in names:
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT
        descriptor = os.open(name, flags, 0o644)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0)  # noqa: SIM115 -- for the life of the process
    sys.stdout = open(1, "w", encoding=encoding, errors="strict")  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    if closed:
        sys.stdout = None  # type: ignore[assignment] -- so does Python where descriptor 1 is closed


def _enter(folder: Path) -> None:
    if folder.name == "{gone}":
        folder.mkdir()
        os.chdir(folder)
        folder.rmdir()
    else:
        os.chdir(folder)


def _virtual() -> int:
    import psutil

    return int(psutil.Process().memory_info().vms)


def _resident_kb() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss) // 1024


def _peak_kb(used: resource.struct_rusage) -> int:
    # macOS gives bytes, Linux kilobytes.
    return used.ru_maxrss // 1024 if sys.platform == "darwin" else used.ru_maxrss


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
