"""What happens to a child is an answer or one line; never a crash of the parent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.isolation import ChildFailure, run_child

HEAD = "import os, signal, sys, time\nfrom seatrial.isolation import serve\n"


def child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, timeout_s: float = 60
) -> object:
    """Run a module whose function ``work`` has the given body."""
    (tmp_path / "modules").mkdir()
    body = f"{HEAD}def work(job, folder):\n    {work}\nserve(work)\n"
    (tmp_path / "modules" / "some_child.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    return run_child("some_child", {"n": 20}, tmp_path, threads=1, timeout_s=timeout_s)


def test_an_answer_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = "return {'n': job['n'] + 1, 'threads': os.environ['OMP_NUM_THREADS']}"
    assert child(tmp_path, monkeypatch, work) == {"n": 21, "threads": "1"}


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", r"signal 9 \(SIGKILL\)"),
        ("os.abort()", "SIGABRT"),
        ("raise RuntimeError('no kernel for this')", "exit code 1: RuntimeError: no kernel"),
        ("os._exit(7)", "exit code 7: no message"),
        ("os._exit(0)", "without an answer"),
        (
            "from seatrial.errors import InputError; raise InputError('the file is empty')",
            "^the file is empty$",
        ),
    ],
)
def test_every_other_ending_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, said: str
) -> None:
    with pytest.raises(ChildFailure, match=said) as caught:
        child(tmp_path, monkeypatch, work)
    assert "\n" not in str(caught.value)


def test_a_child_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ChildFailure, match="no answer within 1 s"):
        child(tmp_path, monkeypatch, "signal.pause()", timeout_s=1)


def test_an_old_answer_is_not_taken_for_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answer.json").write_text("{}")
    with pytest.raises(ChildFailure, match="without an answer"):
        child(tmp_path, monkeypatch, "os._exit(0)")


def test_hashes_are_fixed_in_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "12345")
    answer = child(tmp_path, monkeypatch, "return {'order': list({'one', 'two', 'three'})}")
    code = "import json; print(json.dumps(list({'one', 'two', 'three'})))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True
    )
    assert answer == {"order": json.loads(done.stdout)}
