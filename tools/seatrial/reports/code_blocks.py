"""Takes the code blocks out of a document and runs each as a reader would: as it stands."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from seatrial.evidence.records import CodeBlock
from seatrial.files import disk_errors

TIMEOUT_SECONDS = 300.0
_AT_ONCE = 2
_REASON_CHARACTERS = 400
_NOT_RUN = ("text",)
_UNREACHABLE = "http://127.0.0.1:9"
_FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document, in the order of the document from 0."""

    index: int
    language: str
    code: str

    @property
    def first_line(self) -> str:
        """The first line that is not blank, to know the block by."""
        return next((line.strip() for line in self.code.splitlines() if line.strip()), "")


def extract(text: str) -> list[Block]:
    """Every fenced block of a Markdown text; one that never ends reaches to the end."""
    blocks: list[Block] = []
    fence: tuple[str, str] | None = None
    lines: list[str] = []
    for line in [*text.splitlines(), None]:
        found = _FENCE.match(line) if line is not None else None
        if fence is None:
            if found:
                fence, lines = (found[2], found[3]), []
        elif line is None or _closes(line, fence[0]):
            blocks.append(Block(len(blocks), fence[1].lower(), "\n".join(lines) + "\n"))
            fence = None
        else:
            lines.append(line)
    return blocks


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and set(text) == {fence[0]}


def run_code_blocks(
    text: str, folder: Path, document: str, timeout: float = TIMEOUT_SECONDS
) -> tuple[CodeBlock, ...]:
    """Run every block of ``text`` in ``folder``, two at a time; one failing stops no other.

    ``python`` blocks run in a fresh interpreter like this one, ``sh`` blocks under ``sh -eu`` with
    this environment's commands first on the path; ``json`` and ``yaml`` are parsed; ``text`` is
    left alone, exit code None; any other language, and none, is an error. Proxies are set to an
    address where nothing listens, so that a block that needs the network fails.

    :param folder: laid out as the project is once the release is published; blocks write into it.
    :param document: the name the records carry.
    :param timeout: seconds a block may take, after which it and its children are killed.
    """
    blocks = extract(text)
    if not blocks:
        return ()
    with tempfile.TemporaryDirectory(prefix="seatrial-blocks-") as scratch:
        run: Callable[[Block], CodeBlock] = lambda block: _run(  # noqa: E731
            block, folder, document, Path(scratch), timeout
        )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(pool.map(run, blocks))


def _run(block: Block, folder: Path, document: str, scratch: Path, timeout: float) -> CodeBlock:
    start = time.perf_counter()
    exit_code, error = _outcome(block, folder, scratch, timeout)
    return CodeBlock(
        document=document,
        index=block.index,
        language=block.language,
        first_line=block.first_line,
        exit_code=exit_code,
        error=error,
        seconds=round(time.perf_counter() - start, 3),
    )


def _outcome(
    block: Block, folder: Path, scratch: Path, timeout: float
) -> tuple[int | None, str | None]:
    if block.language in _NOT_RUN:
        return None, None
    if block.language in ("json", "yaml"):
        return _parse(block)
    if block.language not in ("python", "sh"):
        named = block.language or "none"
        return 1, f"language {named}: python, sh, json, yaml or text required"
    script = scratch / f"block_{block.index}.{'py' if block.language == 'python' else 'sh'}"
    with disk_errors(script):
        script.write_text(block.code, encoding="utf-8")
    start = [sys.executable] if block.language == "python" else ["sh", "-eu"]
    return _execute([*start, str(script)], folder, scratch, timeout)


def _parse(block: Block) -> tuple[int, str | None]:
    try:
        json.loads(block.code) if block.language == "json" else yaml.safe_load(block.code)
    except (ValueError, yaml.YAMLError) as error:
        return 1, _shortened(str(error))
    return 0, None


def _execute(
    command: list[str], folder: Path, scratch: Path, timeout: float
) -> tuple[int, str | None]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=_child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        process.communicate()
        return 124, f"not finished after {timeout:g} s"
    except BaseException:
        _kill_group(process)
        raise
    if process.returncode == 0:
        return 0, None
    said = output.decode(errors="replace").replace(str(scratch) + os.sep, "")
    return process.returncode, _shortened(said) or f"ended with code {process.returncode}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a block and whatever it started: it leads a group of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


def _child_environment() -> dict[str, str]:
    environment = dict(os.environ)
    commands = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([commands, environment.get("PATH", os.defpath)])
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment["HF_HUB_OFFLINE"] = "1"
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environment[name] = environment[name.upper()] = _UNREACHABLE
    for name in ("no_proxy", "PYTHONHOME"):
        environment.pop(name, None)
        environment.pop(name.upper(), None)
    return environment


def _shortened(text: str) -> str:
    """The end of what a program said, on one line: there the error stands."""
    line = " ".join(text.split())
    return line if len(line) <= _REASON_CHARACTERS else f"… {line[-_REASON_CHARACTERS:]}"
