"""Checkpoints on disk: tensors and plain data, written whole or not at all, never with NaN."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedReader
from pathlib import Path
from pickle import UnpicklingError  # what torch.load raises; nothing is unpickled
from typing import Any

import torch

from seatrial import files
from seatrial.errors import InputError, TrainingError

CHECKPOINTS = "checkpoints"
"""The folder they stand in."""
BEST = "final_model_best.pt"
LAST = "final_model_last.pt"
FORMAT_VERSION = 1
Content = dict[str, Any]


def epoch_name(epoch: int) -> str:
    """The file name of an epoch's own checkpoint."""
    return f"epoch_{epoch}.pt"


def read(path: Path, *, sha256: str | None = None) -> Content:
    """A checkpoint of ours as plain data and CPU tensors.

    :param sha256: what a manifest says of the file; it is compared before anything is loaded.
    :raises InputError: missing, damaged, not what ``sha256`` says, holding anything but tensors
        and plain data, or not of our format.
    """
    try:
        with path.open("rb") as stream:
            _require_whole(stream, path, sha256)
            stream.seek(0)
            content = torch.load(stream, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: a checkpoint is required, but there is no such file") from None
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: not readable as a checkpoint of tensors and plain data: {reason}"
        ) from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path}: a checkpoint with format_version {FORMAT_VERSION} required; found "
            f"{'none' if version is None else version}; give a model trained elsewhere with "
            "--checkpoint"
        )
    assert isinstance(content, dict)
    return content


def flaw(path: Path) -> str | None:
    """What is wrong with a checkpoint by the checksums in it; None if it is whole.

    ``torch.save`` writes a CRC-32 of every tensor and of all else; ``torch.load`` does not look at
    them, so that a flipped bit would load.
    """
    try:
        with path.open("rb") as stream:
            return _flaw(stream)
    except OSError as error:
        return str(error.strerror or error)


def _require_whole(stream: BufferedReader, path: Path, sha256: str | None) -> None:
    found = None if sha256 is None else hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        assert found is not None and sha256 is not None
        raise InputError(
            f"{path}: changed since its manifest was written: {sha256[:12]} required, "
            f"{found[:12]} found; restore it from a copy, or run the step again"
        )
    wrong = _flaw(stream)
    if wrong is not None:
        raise InputError(f"{path}: not readable as a checkpoint of tensors and plain data: {wrong}")


def _flaw(stream: BufferedReader) -> str | None:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > stream.seek(0, os.SEEK_END) or any(
                entry.compress_type != zipfile.ZIP_STORED for entry in entries
            ):
                return "not an archive of torch.save"  # nothing of ours unpacks to more than it is
            broken = archive.testzip()
    except Exception as error:  # a damaged archive makes zipfile raise nearly anything
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return None if broken is None else f"{broken.rpartition('/')[2]} in it is damaged"


def snapshot(value: Any) -> Any:
    """A copy of nested plain data whose tensors no longer follow the originals, on the CPU."""
    if isinstance(value, torch.Tensor):
        detached = value.detach()
        return detached.clone() if detached.device.type == "cpu" else detached.cpu()
    if isinstance(value, Mapping):
        return {key: snapshot(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(snapshot(entry) for entry in value)
    return value


def write(path: Path, content: Content) -> None:
    """Write a checkpoint atomically.

    :raises TrainingError: a weight is NaN or infinite; ``path`` is as it was.
    :raises InputError: the disk does not take it; ``path`` is as it was.
    """
    _refuse_not_finite(content["model_state_dict"], path)
    _write(path, content)


def _write(path: Path, content: Content) -> None:
    try:
        files.write_with(path, lambda stream: torch.save(content, stream))
    except RuntimeError as error:
        # torch's archive writer hides the operating system's error, such as a full disk.
        hidden = error.__context__
        reason = (
            files.reason_of(hidden) if isinstance(hidden, OSError) else str(error).splitlines()[0]
        )
        raise InputError(f"{path}: cannot write: {reason}") from error


def give_second_name(source: Path, target: Path) -> None:
    """Let ``target`` be the file ``source`` is now, atomically: a link, or else a copy.

    Checkpoints are replaced and never changed in place, so the two part at the next write.
    """
    temporary = files.beside(target, "new")
    with files.disk_errors(target):
        linked = files.link(source, temporary)
    if linked:
        files.swap_in({target: temporary})
    else:
        files.copy_file(source, target)


class Writer:
    """Writes checkpoints one after the other in a thread, while training goes on.

    An error of a write is raised by the next call. The thread computes nothing with torch: OpenMP
    would keep a second team of threads for it, count more threads than cores, and from then on
    let those that train sleep at every operation, which takes a quarter of their speed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._running: Future[None] | None = None
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        """What the last finished write took."""
        return self._seconds

    def submit(self, content: Content, names: tuple[str, ...], drop: tuple[str, ...] = ()) -> None:
        """Write ``content`` under each of ``names``, in that order, then delete ``drop``.

        A snapshot is taken before this returns. Waits for the write before.

        :raises TrainingError: a weight is NaN or infinite; nothing is written.
        """
        self.wait()
        taken = snapshot(content)
        _refuse_not_finite(taken["model_state_dict"], self._folder / names[0])
        self._running = self._pool.submit(self._write, taken, names, drop)

    def wait(self) -> None:
        """Return once everything submitted is on the disk."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def close(self) -> None:
        """Finish what is being written and end the thread; its error, if any, is not raised."""
        self._pool.shutdown(wait=True)

    def _write(self, content: Content, names: tuple[str, ...], drop: tuple[str, ...]) -> None:
        started = time.monotonic()
        first = self._folder / names[0]
        _write(first, content)
        for name in names[1:]:
            give_second_name(first, self._folder / name)
        for name in drop:
            with files.disk_errors(self._folder / name, "remove"):
                (self._folder / name).unlink(missing_ok=True)
        self._seconds = time.monotonic() - started


def _refuse_not_finite(state: Mapping[str, torch.Tensor], path: Path) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise TrainingError(
                f"{path.name}: not written, since {name} holds NaN or infinity; the checkpoint "
                "before is kept; lower optimizer.learning_rate or set "
                "training.gradient_clip_norm: 1.0"
            )
