"""Files written, replaced, copied and removed one at a time; the ledger; checkpoints."""

from __future__ import annotations

import functools
import io
from contextlib import closing
from pathlib import Path

import torch

from seatrial import files
from seatrial.errors import InputError
from seatrial.evaluation.ledger import read_ledger, record_in_ledger
from seatrial.gates.approvals import recording
from seatrial.training import checkpoints

from .interface import CommitPath, digests, states_of

# ---------------------------------------------------------------- files

_OLD, _NEW = b"old\n" * 300, b"new\n" * 5000


def _prepare_files(root: Path) -> None:
    for name in ("kept.txt", "gone.txt"):
        (root / name).write_bytes(_OLD)
    (root / "source.bin").write_bytes(_NEW)


def _act_files(root: Path) -> None:
    files.write_bytes(root / "kept.txt", _NEW)
    files.write_with(root / "a" / "b" / "parts.bin", lambda out: [out.write(_OLD), out.write(_NEW)])
    files.copy_file(root / "source.bin", root / "a" / "copy.bin")
    files.make_directory(root / "c" / "d")
    files.remove_file(root / "gone.txt")


def _torn_files(root: Path) -> list[str]:
    lines = [
        *states_of(root / "kept.txt", _OLD, _NEW),
        *states_of(root / "a/b/parts.bin", None, _OLD + _NEW),
        *states_of(root / "a/copy.bin", None, _NEW),
        *states_of(root / "gone.txt", None, _OLD),
    ]
    made = [(root / name).exists() for name in ("a/b/parts.bin", "a/copy.bin", "c/d")]
    if sorted(made, reverse=True) != made:
        lines.append("a later write is there without the one before, which had returned")
    return lines


def _result_files(root: Path) -> object:
    return digests(root), (root / "c/d").is_dir()


FILES = CommitPath(
    "files", _prepare_files, _act_files, _torn_files, _result_files, lambda root: digests(root)
)

# ---------------------------------------------------------------- the test ledger

_LEDGER = "evaluation/test_ledger.jsonl"


def _record(root: Path, number: int) -> None:
    digest = f"{number}" * 64
    record_in_ledger(
        root / _LEDGER, weights=digest, test_set="a" * 64, run=f"run {number}", date="2026-11-20"
    )


def _prepare_ledger(root: Path) -> None:
    _record(root, 1)


def _act_ledger(root: Path) -> None:
    _record(root, 2)
    _record(root, 3)


def _entries(root: Path) -> list[str]:
    return [entry.run for entry in read_ledger(root / _LEDGER)]


def _torn_ledger(root: Path) -> list[str]:
    try:
        found = _entries(root)
    except InputError as error:
        return [str(error)]
    return [] if found == ["run 1", "run 2", "run 3"][: max(1, len(found))] else [f"{found}"]


LEDGER = CommitPath("ledger", _prepare_ledger, _act_ledger, _torn_ledger, _entries, _entries)

# ---------------------------------------------------------------- an approval over an earlier one

_APPROVALS = f"approvals/{'d' * 64}"
_EARLIER = (b'{"approves": "earlier"}', b"signature of the earlier one")
_LATER = (b'{"approves": "later"}', b"signature of the later one")


def _pair(root: Path) -> tuple[bytes, bytes]:
    folder = root / _APPROVALS
    return (folder / "technical.json").read_bytes(), (folder / "technical.json.sig").read_bytes()


def _approve(root: Path, pair: tuple[bytes, bytes]) -> None:
    recording.put(root / _APPROVALS, "technical", *pair)


def _torn_approval(root: Path) -> list[str]:
    # The later signature beside the earlier statement does not fit it, so that none is counted.
    allowed = (_EARLIER, _LATER, (_EARLIER[0], _LATER[1]))
    return [] if _pair(root) in allowed else [f"not an approval that anyone gave: {_pair(root)}"]


APPROVAL = CommitPath(
    "approval",
    lambda root: _approve(root, _EARLIER),
    lambda root: _approve(root, _LATER),
    _torn_approval,
    _pair,
    lambda root: _pair(root) if _pair(root) in (_EARLIER, _LATER) else _EARLIER,
)

# ---------------------------------------------------------------- checkpoints

_FOLDER = "train/checkpoints"
_EPOCHS = 3


def _content(epoch: int) -> checkpoints.Content:
    return {
        "format_version": checkpoints.FORMAT_VERSION,
        "model_state_dict": {"weight": torch.full((3000,), float(epoch))},
        "epoch": epoch,
    }


@functools.cache
def _bytes(epoch: int) -> bytes:
    stream = io.BytesIO()
    torch.save(_content(epoch), stream)
    return stream.getvalue()


def _names(epoch: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is written after an epoch, and what is dropped; the first epoch was the best."""
    own = checkpoints.epoch_name(epoch)
    first = (checkpoints.LAST, checkpoints.BEST, own) if epoch == 1 else (checkpoints.LAST, own)
    return first, (checkpoints.epoch_name(epoch - 2),) if epoch > 2 else ()


def _last(root: Path) -> int:
    path = root / _FOLDER / checkpoints.LAST
    return int(checkpoints.read(path)["epoch"]) if path.exists() else 0


def _act_checkpoints(root: Path) -> None:
    # As a training does that is begun again: from its last checkpoint on, which it writes again.
    folder = files.make_directory(root / _FOLDER)
    with closing(checkpoints.Writer(folder)) as writer:
        for epoch in range(max(1, _last(root)), _EPOCHS + 1):
            writer.submit(_content(epoch), *_names(epoch))
        writer.wait()


def _torn_checkpoints(root: Path) -> list[str]:
    folder = root / _FOLDER
    all_epochs = [_bytes(epoch) for epoch in range(1, _EPOCHS + 1)]
    lines = [
        *states_of(folder / checkpoints.LAST, None, *all_epochs),
        *states_of(folder / checkpoints.BEST, None, all_epochs[0]),
    ]
    for number, content in enumerate(all_epochs, 1):
        lines += states_of(folder / checkpoints.epoch_name(number), None, content)
    last = folder / checkpoints.LAST
    if not last.exists() and any(
        (folder / name).exists() for name in (checkpoints.BEST, checkpoints.epoch_name(1))
    ):
        lines.append("another checkpoint is there, and the last one, written before it, is not")
    return lines


CHECKPOINTS = CommitPath(
    "checkpoints",
    lambda _: None,
    _act_checkpoints,
    _torn_checkpoints,
    lambda root: digests(root / _FOLDER),
    _last,
)
