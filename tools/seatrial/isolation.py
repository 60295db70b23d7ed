"""Work in a process of its own: what crashes there is a named failure here.

The job and the answer are JSON files in a folder that both sides share; arrays go beside them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seatrial.errors import SeatrialError

JOB, ANSWER, COMPLAINTS = "job.json", "answer.json", "stderr.txt"
REFUSAL = "seatrial_error"
"""The key of an answer that is an error's message."""

_TAIL_BYTES = 4096
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class ChildFailure(SeatrialError):
    """The child gave no answer, or an error. The message says how, in one line."""

    exit_code = 1


def run_child(
    module: str, job: Mapping[str, object], folder: Path, *, threads: int, timeout_s: float
) -> dict[str, Any]:
    """Run ``python -m module folder`` in a fresh interpreter and return its answer.

    Hashes are fixed in it, so that the same job gives the same bytes; the current folder is not
    on its path, so that no file of a user stands in for a library.

    :param threads: what numerical libraries may use.
    :param timeout_s: seconds until the child is killed.
    :raises ChildFailure: killed by a signal, a non-zero exit, no answer in time, or an error of
        Seatrial's in the child.
    """
    (folder / ANSWER).unlink(missing_ok=True)
    (folder / JOB).write_text(json.dumps(job), encoding="utf-8")
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}
    environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    with (folder / COMPLAINTS).open("wb") as complaints:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", module, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env=environment,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ChildFailure(
                f"no answer within {timeout_s:.0f} s; the process was ended"
            ) from None
    if done.returncode != 0:
        raise ChildFailure(_ending(done.returncode, folder / COMPLAINTS))
    if not (folder / ANSWER).is_file():
        raise ChildFailure("the process ended without an answer")
    answer: dict[str, Any] = json.loads((folder / ANSWER).read_bytes())
    if REFUSAL in answer:
        raise ChildFailure(answer[REFUSAL])
    return answer


def serve(work: Callable[[dict[str, Any], Path], Mapping[str, object]]) -> None:
    """The child's side: read the job in the folder named by the first argument, do it, answer.

    An error of Seatrial's is answered as its line; any other ends the process with a traceback.
    """
    folder = Path(sys.argv[1])
    job = json.loads((folder / JOB).read_bytes())
    try:
        answer = work(job, folder)
    except SeatrialError as error:
        answer = {REFUSAL: str(error)}
    (folder / ANSWER).write_text(json.dumps(answer), encoding="utf-8")


def _ending(code: int, complaints: Path) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "unknown"
        return f"the process was killed by signal {-code} ({name})"
    lines = complaints.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
    return f"the process ended with exit code {code}: {last[:300]}"
