"""A file that would run foreign code when loaded is found out without being loaded."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factories import RUN_ID, png
from seatrial.gates.archives import unsafe

RUN = f"runs/{RUN_ID}"
RUNS_A_COMMAND = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."
COMPUTES_A_NAME = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."
HARMLESS = b"\x80\x02}q\x00."


def archive(entries: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as writer:
        for name, content in entries.items():
            writer.writestr(name, content)
    return stream.getvalue()


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.pt", archive({"a/data.pkl": RUNS_A_COMMAND}), "names posix.system"),
        ("model.pt", archive({"a/data.pkl": COMPUTES_A_NAME}), "STACK_GLOBAL"),
        ("model.pt", archive({"a/data.pkl": b"\x80\x02"}), "not a pickle program"),
        ("model.pt", RUNS_A_COMMAND, "not a zip archive"),
        ("model.pt", b"", "not a zip archive"),
        ("model.pt", archive({"a/version": b"3"}), "holds no model"),
        ("model.pt2", archive({"m/models/model.json": b"{}",
         "m/in.pt": archive({"b/data.pkl": RUNS_A_COMMAND})}), "m/in.pt: b/data.pkl"),
        ("model.pt2", archive({"m/models/model.json": b"{}",
         "m/data/constants/custom_obj_0": b"x"}), "foreign code"),
        ("model.pt", archive({"a/data.pkl": b"\x80\x02c__torch__.m\nNet\n."}), "names __torch__"),
        ("weights.pkl", HARMLESS, ".pkl files"),
        ("weights.pth", HARMLESS, ".pth files"),
        ("weights.bin", HARMLESS, ".bin files"),
        ("run.sh", b"#!/bin/sh\n", "unexpected type, .sh"),
        ("README", b"text", "without a suffix"),
        ("labels.json", RUNS_A_COMMAND, "a pickle program under the name of .json"),
        ("model.onnx", archive({"a/data.pkl": RUNS_A_COMMAND}), "an archive under the name"),
        ("arrays.npz", archive({"a.pkl": HARMLESS}), "not an array"),
        ("arrays.npz", b"text", "not a file of arrays"),
    ],
)  # fmt: skip
def test_what_has_no_place_in_a_release_is_refused(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    found = unsafe(write(tmp_path, name, content))
    assert found is not None
    assert words in found


def test_an_array_of_objects_is_refused_and_plain_arrays_are_not(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", ids=np.array(["a", "b"]), logits=np.zeros((2, 3)))
    objects = np.array([{}, None], dtype=object)
    np.savez(tmp_path / "objects.npz", objects=objects)
    assert unsafe(tmp_path / "plain.npz") is None
    assert "array of objects" in (unsafe(tmp_path / "objects.npz") or "")


def test_a_link_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(png())
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    assert unsafe(tmp_path / "real.png") is None
    assert unsafe(tmp_path / "link.png") == "a link, not a file"


def test_what_torch_itself_writes_is_safe(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.zeros(2, 4)).sum().backward()
    optimizer.step()
    torch.save(
        {
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "epoch": 3,
            "metrics": {"val_acc": 0.5, "val_auc": None},
            "random": torch.get_rng_state(),
            "half": torch.zeros(2, dtype=torch.bfloat16),
            "shape": torch.Size([2, 3]),
        },
        tmp_path / "checkpoint.pt",
    )
    model.eval()
    with torch.no_grad():
        torch.jit.trace(model, torch.zeros(2, 4)).save(tmp_path / "script.pt")
    program = torch.export.export(model, (torch.zeros(2, 4),))
    torch.export.save(program, tmp_path / "program.pt2")
    for name in ("checkpoint.pt", "script.pt", "program.pt2"):
        assert unsafe(tmp_path / name) is None, name


def test_a_whole_module_saved_by_torch_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    assert "torch.nn.modules.linear.Linear" in (unsafe(tmp_path / "module.pt") or "")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("export/extra.pkl", HARMLESS, "extra.pkl: .pkl files may run code"),
        ("train/checkpoints/extra.pt", archive({"a/data.pkl": HARMLESS}), "not in the step's"),
        ("document/notes.txt", b"note", "notes.txt: not in the step's manifest"),
    ],
)
def test_a_file_that_no_manifest_lists_fails_the_gate(
    judge: Any, name: str, content: bytes, words: str
) -> None:
    gate = judge(spoil=lambda p: (p / RUN / name).write_bytes(content))
    assert gate.items[22].verdict == "FAIL"
    assert words in gate.items[22].reason


@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        ("issues: {", "ERROR", "not valid YAML"),
        ("issues: 3", "ERROR", "expected a list"),
        ("issues: [{id: a}]", "ERROR", "issues.0"),
        ("issues: [{id: a, title: b, severity: minor, status: open}]", "ERROR", "changed while"),
    ],
)
def test_a_damaged_list_of_known_issues_is_an_error(
    judge: Any, text: str, verdict: str, words: str
) -> None:
    gate = judge(replaced={"document/known_issues.yaml": text.encode()})
    assert gate.items[22].verdict == verdict
    assert words in gate.items[22].reason


def test_issues_that_are_closed_or_minor_do_not_stop_a_release(judge: Any) -> None:
    issues = [
        {"id": "a", "title": "crashed", "severity": "critical", "status": "closed"},
        {"id": "b", "title": "slow", "severity": "major", "status": "open"},
    ]
    item = judge({"known_issues": issues}).items[22]
    assert item.verdict == "PASS"
    assert "(others: 1)" in item.reason


def test_known_issues_outside_the_repository_are_not_read(judge: Any) -> None:
    gate = judge({"config.known_issues": "../known_issues.yaml", "known_issues": None})
    assert gate.items[22].verdict == "ERROR"
    assert "outside the repository" in gate.items[22].reason
