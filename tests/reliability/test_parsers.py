"""Every parser under damage at random: only errors of Seatrial's, soon, in little memory.

Valid files are changed at random, byte by byte and, where they are JSON, value by value.
"""

from __future__ import annotations

import functools
import io
import json
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import RUN_ID, healthy_project
from reliability.counting import full, report
from reliability.malformed.csv_manifests import HEAD
from reliability.malformed.pictures import FORMATS, noise, png
from reliability.malformed.seed import CONFIG
from reliability.mutations import BYTE_CHANGES, JSON_CHANGES, changed
from seatrial import status
from seatrial.config.load import load
from seatrial.data.sources import SOURCES
from seatrial.data.sources.interface import Request
from seatrial.errors import SeatrialError
from seatrial.evaluation.ledger import read_ledger
from seatrial.evaluation.predictions_file import read_predictions, write_predictions
from seatrial.evidence import known_issues, manifests
from seatrial.evidence.reading import RECORD_TYPES, read_facts, read_record
from seatrial.evidence.records import RunReference
from seatrial.evidence.runs import Run
from seatrial.gates.approvals import statement as approvals
from seatrial.gates.archives import unsafe
from seatrial.gates.onnx_files import onnx_problem
from seatrial.models.weights import read_state
from seatrial.onnx_sessions import METADATA_KEY, read_metadata, read_model
from seatrial.preprocessing import convert, open_image
from seatrial.provenance.envelope import read_envelope
from seatrial.publishing.release import RELEASE, read_release
from seatrial.training import checkpoints
from tiny_onnx import metadata, save_model

EXAMPLES = 2000 if full() else 25
SECONDS, GROWTH_KB = 2, 1 << 20

Read = Callable[[bytes, Path], object]
"""Puts content where the parser reads it, below a folder, and parses it."""


@dataclass(frozen=True)
class Parser:
    """A parser, valid inputs, and what it may raise."""

    read: Read
    seeds: Callable[[], tuple[bytes, ...]]
    is_json: bool = False
    raises: tuple[type[Exception], ...] = (SeatrialError,)


def _file(name: str, parse: Callable[[Path], object]) -> Read:
    def read(content: bytes, folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return parse(path)

    return read


@functools.cache
def _project() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="seatrial-parsers-"))
    healthy_project(folder)
    return folder


def _run_file(name: str) -> bytes:
    return (_project() / "runs" / RUN_ID / name).read_bytes()


def _in_run(name: str, parse: Callable[[Run], object]) -> Read:
    """A file of a run whose other files are healthy, put back after each reading."""

    def read(content: bytes, folder: Path) -> object:
        path = _project() / "runs" / RUN_ID / name
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(content)
        try:
            return parse(Run(_project(), RUN_ID))
        finally:
            path.unlink() if before is None else path.write_bytes(before)

    return read


def _reference(content: bytes, folder: Path) -> object:
    run = Run(folder, RUN_ID)
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "train.reused.json").write_bytes(content)
    return run.manifests(), run.step("train")


def _override(content: bytes, folder: Path) -> object:
    path = folder / "config.yaml"
    path.write_text(CONFIG)
    return load(path, [content.decode(errors="surrogateescape")])


def _listing(source: str) -> Callable[[Path], object]:
    return lambda path: SOURCES[source].listing(Request(root=path))


def _pixels(path: Path) -> object:
    image = open_image(path.read_bytes())
    return convert(image, 3), convert(image, 1)


def _saved(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def _arrays(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _state() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}


@functools.cache
def _model() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return save_model(Path(folder) / "m.onnx").read_bytes()


def _told(content: bytes, folder: Path) -> object:
    """A healthy model that says ``content`` of itself."""
    model = onnx.load_from_string(_model())
    model.metadata_props[0].key = METADATA_KEY
    model.metadata_props[0].value = content.decode(errors="replace")
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return read_metadata(path)


def _predictions() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.npz"
        write_predictions(
            path,
            test_ids=("a", "b"),
            test_labels=np.array([0, 1]),
            test_logits=np.zeros((2, 2), np.float32),
            val_ids=("c",),
            val_labels=np.array([1]),
            val_logits=np.ones((1, 2), np.float32),
        )
        return path.read_bytes()


def _release() -> bytes:
    names = {"docs/a.md": "0" * 64}
    sources = {"docs/a.md": f"runs/{RUN_ID}/document/docs/a.md"}
    return json.dumps(
        {"run": RUN_ID, "started": "2026-11-20T14:00:00Z", "release_digest": "1" * 64,
         "commit": None, "files": names, "sources": sources}
    ).encode()  # fmt: skip


def _lines(*events: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def _approval() -> bytes:
    item = approvals.JudgedItem(item=1, verdict="PASS", measured="3", bound=None)
    return approvals.to_bytes(
        approvals.Statement(
            checklist="production_ready",
            role="technical",
            release_digest="0" * 64,
            run=RunReference(id=RUN_ID, sha256="1" * 64),
            commit=None,
            verdicts=(item,),
            waivers=(),
            note="",
            date="2026-11-20T14:00:00Z",
            key_held="unprotected",
        )
    )


def _envelope() -> bytes:
    signature = {"keyid": "0" * 64, "sig": "AAAA"}
    kind = "application/vnd.in-toto+json"
    fields = {"payload": "e30=", "payloadType": kind, "signatures": [signature]}
    return json.dumps(fields).encode()


_STEP = {"event": "step", "step": "train", "state": "finished", "seconds": 1.5}
_EPOCH = {"event": "epoch", "epoch": 1, "epochs": 2, "metrics": {"val_acc": 0.5}}
_ROWS = "".join(f"{n}.png,{'ab'[n % 2]},{['train', 'val', 'test'][n % 3]}\n" for n in range(12))
_LEDGER = {"weights": "0" * 64, "test_set": "1" * 64, "run": "r", "date": "2026-11-20"}

PARSERS: Mapping[str, Parser] = {
    "configuration": Parser(_file("c.yaml", load), lambda: (CONFIG.encode(),)),
    "overrides": Parser(
        _override,
        lambda: (b"training.epochs=5", b"export.formats=[onnx]", b"documents={name: 'a b'}"),
    ),
    "known issues": Parser(
        _file("known_issues.yaml", known_issues.load),
        lambda: (b"issues:\n  - {id: a, title: b, severity: minor, status: open}\n",),
    ),
    "csv": Parser(_file("data.csv", _listing("csv")), lambda: ((HEAD + _ROWS).encode(),)),
    "npz": Parser(
        _file("data.npz", _listing("npz")),
        lambda: (
            _arrays(images=np.zeros((4, 2, 2), np.uint8), labels=np.array([0, 1, 0, 1])),
            _arrays(
                train_images=np.zeros((2, 2, 2, 3), np.uint8),
                train_labels=np.array([0, 1]),
                classes=np.array(["x", "y"]),
            ),
        ),
    ),
    "images": Parser(
        _file("image", _pixels),
        lambda: (
            *(noise(kind, side=16) for kind in FORMATS),
            noise("PNG", "RGBA", 16),
            noise("TIFF", "CMYK", 16),
            noise("GIF", "P", 16),
            png(9, 9, interlace=1, data=zlib.compress(bytes(2000))),
            b"P3 2 1 255\n1 2 3 4 5 6\n",
        ),
    ),
    "run.json": Parser(_in_run("run.json", Run.record), lambda: (_run_file("run.json"),), True),
    "the run's configuration": Parser(
        _in_run("config.yaml", Run.config), lambda: (_run_file("config.yaml"),)
    ),
    "manifests": Parser(
        _in_run(
            "train/manifest.json",
            lambda run: manifests.changed_files(
                run.folder / "train", manifests.read(run.folder / "train")
            ),
        ),
        lambda: (_run_file("train/manifest.json"),),
        True,
    ),
    **{
        f"the record of {step}": Parser(
            _in_run(
                f"{step}/record.json",
                lambda run, step=step, kind=kind: read_record(  # type: ignore[misc]
                    run.folder / step, kind
                ),
            ),
            lambda step=step: (_run_file(f"{step}/record.json"),),  # type: ignore[misc]
            True,
        )
        for step, (_, kind) in RECORD_TYPES.items()
    },
    "facts": Parser(_in_run("document/known_issues.yaml", read_facts), lambda: (b"issues: []\n",)),
    "references": Parser(
        _reference,
        lambda: (json.dumps({"run": RUN_ID, "manifest_sha256": "0" * 64}).encode(),),
        True,
    ),
    "events": Parser(_in_run("events.jsonl", status.of), lambda: (_lines(_STEP, _EPOCH, _STEP),)),
    "one event": Parser(
        _in_run("events.jsonl", status.of), lambda: (_lines(_STEP), _lines(_EPOCH)), True
    ),
    "outcomes": Parser(
        _in_run("outcome.json", status.of),
        lambda: (b'{"state": "failed", "exit_code": 3, "message": "no", "finished": "x"}',),
        True,
    ),
    "progress": Parser(
        _in_run("progress.json", Run.read_progress), lambda: (json.dumps(_EPOCH).encode(),), True
    ),
    "release.json": Parser(
        _file(RELEASE, lambda path: read_release(path.parents[2])), lambda: (_release(),), True
    ),
    "the ledger": Parser(_file("ledger.jsonl", read_ledger), lambda: (_lines(_LEDGER),), True),
    "ONNX files": Parser(_file("m.onnx", read_model), lambda: (_model(),)),
    "ONNX files at the gate": Parser(
        _file("m.onnx", lambda path: onnx_problem(path, metadata())), lambda: (_model(),)
    ),
    "ONNX metadata": Parser(_told, lambda: (metadata().model_dump_json().encode(),), True),
    "weights": Parser(_file("w.pt", read_state), lambda: (_saved(_state()),)),
    "checkpoints": Parser(
        _file("c.pt", checkpoints.read),
        lambda: (_saved({"format_version": checkpoints.FORMAT_VERSION, "m": _state()}),),
    ),
    "safetensors": Parser(
        _file("w.safetensors", read_state), lambda: (safetensors.torch.save(_state()),)
    ),
    "predictions": Parser(_file("p.npz", read_predictions), lambda: (_predictions(),)),
    "archives at the gate": Parser(_file("c.pt", unsafe), lambda: (_saved(_state()),)),
    "arrays at the gate": Parser(_file("p.npz", unsafe), lambda: (_predictions(),)),
    "approvals": Parser(
        lambda content, _: approvals.parse(content),
        lambda: (_approval(),),
        True,
        (approvals.Malformed,),
    ),
    "envelopes": Parser(_file("e.json", read_envelope), lambda: (_envelope(),), True),
}


def _peak_kb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PARSERS)
def test_a_damaged_file_is_parsed_or_refused(name: str, tmp_path: Path) -> None:
    parser, seeds, before = PARSERS[name], PARSERS[name].seeds(), _peak_kb()
    tally = {"parsed": 0, "refused": 0}
    kinds = BYTE_CHANGES | JSON_CHANGES if parser.is_json else BYTE_CHANGES

    @settings(max_examples=EXAMPLES)
    @given(seed=st.sampled_from(seeds), changes=st.lists(kinds, max_size=5))
    def damage(seed: bytes, changes: list[Callable[[bytes], bytes]]) -> None:
        content = changed(seed, changes)
        began = time.process_time()
        try:
            parser.read(content, tmp_path)
        except parser.raises as error:
            assert str(error)
            tally["refused"] += 1
        else:
            tally["parsed"] += 1
        assert time.process_time() - began <= SECONDS

    damage()
    assert _peak_kb() - before <= GROWTH_KB
    report(f"damaged {name}", **tally)


@pytest.mark.parametrize("name", [name for name in PARSERS if name != "references"])
def test_the_undamaged_files_are_parsed(name: str, tmp_path: Path) -> None:
    for seed in PARSERS[name].seeds():
        PARSERS[name].read(seed, tmp_path)
