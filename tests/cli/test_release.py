"""``finalize`` as a user runs it: what is published, what is done once, what each verb repeats."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from git import Actor, Repo
from safetensors.torch import save_file

from provenance import specification
from provenance.conftest import write_keys
from seatrial import provenance, publishing

from .conftest import CONFIG, make_images

RELEASE_CONFIG = CONFIG.replace("epochs: 1", "epochs: 3") + (
    "targets: {test_acc: 0.6, min_class_f1: 0.1}\n"
    "data_augmentation: {transforms: [{horizontal_flip: {p: 0.5}}]}\n"
    "documents: {name: shades, purpose: tells dark images from bright ones}\n"
)
PUBLISHED = [
    "checkpoints/production/final_model_best.pt",
    "checkpoints/production/final_model_last.pt",
    "configs/final_config.yaml",
    "docs/deployment_guide.md",
    "docs/model_card.md",
    "docs/monitoring_guide.md",
    "final_report.md",
    "models/production_model.onnx",
    "models/production_model.onnx.json",
    "models/production_model_fp16.onnx",
    "models/production_model.pt",
    "models/production_model.pt2",
    "models/sample.png",
    "results/production/confusion_matrix.png",
    "results/production/gate.json",
    "results/production/learning_curves.png",
    "results/production/metrics.json",
    "results/production/predictions.npz",
    "results/production/production_ready.md",
    "results/production/provenance.json",
    "results/production/release.json",
    "results/production/requirements.txt",
    "results/production/splits.json",
    "results/production/test_results.md",
    "results/production/training.log",
    "results/test_ledger.jsonl",
]


def seatrial(
    project: Path, *arguments: str, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "seatrial", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def states(project: Path, run: str) -> dict[str, str]:
    """By step: how it came about in a run."""
    lines = (project / "runs" / run / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return {event["step"]: event["state"] for event in events if event["event"] == "step"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project under git with one finished, committed release."""
    project = tmp_path_factory.mktemp("release")
    make_images(project)
    (project / "config.yaml").write_text(RELEASE_CONFIG)
    (project / "known_issues.yaml").write_text("issues: []\n")
    (project / ".gitignore").write_text("/runs/\n/models/\n/checkpoints/\n")
    with Repo.init(project, initial_branch="main") as repository:
        with repository.config_writer() as config:
            config.set_value("user", "name", "test")
            config.set_value("user", "email", "test@localhost")
        repository.git.add(all=True)
        actor = Actor("test", "test@localhost")
        repository.index.commit("begin", author=actor, committer=actor)
    done = seatrial(project, "finalize", "--config", "config.yaml", "--commit", "--json")
    assert done.returncode == 1, done.stderr
    (project / "finalize.json").write_text(done.stdout)
    return project


@pytest.fixture
def release(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that project to do things to."""
    project = tmp_path / "copy"
    shutil.copytree(made, project, symlinks=True)
    yield project


def outcome(project: Path) -> dict[str, Any]:
    """What ``finalize --json`` printed."""
    found: dict[str, Any] = json.loads((project / "finalize.json").read_text())
    return found


def test_every_published_file_is_there(made: Path) -> None:
    assert [name for name in PUBLISHED if not (made / name).exists()] == []


def test_only_approval_and_the_unstated_data_card_keep_it_from_passing(made: Path) -> None:
    items = outcome(made)["gate"]["items"]
    assert [item["id"] for item in items] == list(range(1, 25))
    failed = {item["id"]: item["reason"] for item in items if item["verdict"] != "PASS"}
    assert set(failed) == {6, 24}, failed
    assert "no approval recorded" in failed[24]


def test_the_metrics_have_their_public_names_and_intervals(made: Path) -> None:
    metrics = json.loads((made / "results/production/metrics.json").read_text())
    low, high = metrics["test_acc"]["interval"]
    assert 0 <= low <= metrics["test_acc"]["value"] <= high <= 1
    assert metrics["test_top5"]["value"] is None
    assert metrics["test_top5"]["reason"]


def test_commit_takes_the_documents_and_nothing_else(made: Path) -> None:
    with Repo(made) as repository:
        files = set(repository.head.commit.stats.files)
        message = str(repository.head.commit.message)
    run = outcome(made)["run"]
    assert run in message
    assert "final_report.md" in files
    kinds = (".md", "requirements.txt", "provenance.json")
    assert all(name.endswith(kinds) for name in files), files


def test_a_second_run_trains_and_evaluates_nothing(release: Path) -> None:
    ledger = (release / "results/test_ledger.jsonl").read_bytes()
    done = seatrial(release, "finalize", "--config", "config.yaml", "--json")
    found = states(release, json.loads(done.stdout)["run"])
    steps = ("data", "train", "evaluate", "export", "verify", "benchmark")
    assert {step: found[step] for step in steps} == dict.fromkeys(steps, "reused")
    assert (release / "results/test_ledger.jsonl").read_bytes() == ledger
    assert json.loads(done.stdout)["release_digest"] == outcome(release)["release_digest"]


def test_export_only_takes_over_a_training_of_another_version(release: Path) -> None:
    first = release / "runs" / outcome(release)["run"]
    manifest = json.loads((first / "train/manifest.json").read_text())
    manifest["inputs"]["code"] = "0" * 64
    (first / "train/manifest.json").write_text(json.dumps(manifest))
    arguments = ("--export-only", "export.formats=[onnx]", "export.quantization.enabled=false")
    done = seatrial(release, "finalize", "--config", "config.yaml", *arguments)
    assert done.returncode == 1, done.stderr
    assert f"training taken over from run {first.name} (Seatrial 0." in done.stdout
    run = max(path.name for path in (release / "runs").iterdir() if path.is_dir())
    found = states(release, run)
    assert (found["train"], found["evaluate"], found["export"]) == ("reused", "reused", "finished")
    assert not (release / "models/production_model.pt").exists()


OWN = """\
from torch import nn


def net(num_classes):
    layers = nn.Linear(768, WIDTH), nn.ReLU(), nn.Linear(WIDTH, num_classes)
    return nn.Sequential(nn.Flatten(), *layers)
"""


def test_a_model_of_ones_own_is_trained_again_when_its_code_changes(release: Path) -> None:
    arguments = ("train", "--config", "config.yaml", "--json", "model.architecture=own:net")
    architectures = []
    for width in (4, 4, 8):
        (release / "own.py").write_text(OWN.replace("WIDTH", str(width)))
        done = seatrial(release, *arguments)
        assert done.returncode == 0, done.stderr
        run, parameters = (
            json.loads(done.stdout)["run"],
            json.loads(done.stdout)["train"]["parameters"],
        )
        architectures.append((parameters, states(release, run)["train"]))
    assert architectures == [(3086, "finished"), (3086, "reused"), (6170, "finished")]


def test_the_same_weights_from_another_file_are_counted_once(release: Path) -> None:
    save_file(_weights(release), release / "elsewhere.safetensors")
    arguments = ("--config", "config.yaml", "--checkpoint", "elsewhere.safetensors", "--json")
    done = seatrial(release, "evaluate", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["evaluate"]["ledger_count"] == 1


def test_no_document_tells_the_folders_of_this_machine(release: Path) -> None:
    save_file(_weights(release), release / "elsewhere.safetensors")
    few = ("export.formats=[onnx]", "export.quantization.enabled=false")
    path = str((release / "elsewhere.safetensors").resolve())
    seatrial(release, "finalize", "--config", "config.yaml", "--checkpoint", path, *few)
    told = [
        name
        for name in (*PUBLISHED, "final_report.md")
        if name.endswith((".md", ".json", ".txt", ".yaml", ".log"))
        and (release / name).exists()
        and str(release) in (release / name).read_text()
    ]
    assert told == []


def test_nothing_is_exported_where_that_is_turned_off(release: Path) -> None:
    done = seatrial(
        release, "finalize", "--config", "config.yaml", "--json", "export.enabled=false"
    )
    assert done.returncode == 1, done.stderr
    items = {item["id"]: item["verdict"] for item in json.loads(done.stdout)["gate"]["items"]}
    assert {items[n] for n in (13, 14, 15, 16)} <= {"FAIL", "ERROR"}
    assert list((release / "models").glob("production_model*")) == []


def test_the_test_set_is_left_alone_where_it_is_turned_off(release: Path) -> None:
    done = seatrial(release, "finalize", "--config", "config.yaml", "test_set.enabled=false")
    assert done.returncode == 2
    assert "seatrial train" in done.stderr


def test_gate_alone_repeats_gate_json_whatever_was_edited_since(release: Path) -> None:
    (release / "config.yaml").write_text("# under work\n")
    done = seatrial(release, "gate", "--json")
    assert done.returncode == 1
    repeated, first = json.loads(done.stdout), outcome(release)["gate"]
    assert repeated["release_digest"] == first["release_digest"]
    verdicts = [[(i["id"], i["verdict"]) for i in gate["items"]] for gate in (repeated, first)]
    assert verdicts[0] == verdicts[1]


def test_a_changed_checkpoint_is_found_by_the_gate(release: Path) -> None:
    path = release / "runs" / outcome(release)["run"] / "train/checkpoints/final_model_best.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = seatrial(release, "gate")
    assert done.returncode == 3
    assert "final_model_best.pt: changed" in done.stderr


def test_the_statement_and_its_signature_outlive_every_judgement_of_the_release(
    release: Path, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path, "key", Ed25519PrivateKey.generate())
    path = release / provenance.STATEMENT
    first = path.read_bytes()
    assert specification.problems(json.loads(first)) == []
    subjects = {one["name"]: one["digest"]["sha256"] for one in json.loads(first)["subject"]}
    files = json.loads((release / "results/production/release.json").read_text())["files"]
    unbuilt = {
        "configs/final_config.yaml", "results/production/gate.json",
        *publishing.DOCUMENTS, *publishing.VERDICT_DOCUMENTS,
    }  # fmt: skip
    assert subjects.pop("release") == outcome(release)["release_digest"]
    assert subjects == {name: sha256 for name, sha256 in files.items() if name not in unbuilt}
    done = seatrial(release, "sign", "--key", str(keys.private))
    assert done.returncode == 0, done.stderr
    (release / "known_issues.yaml").write_text(
        "issues: [{id: a, title: b, severity: minor, status: open}]\n"
    )
    for command in ("gate", "document"):
        seatrial(release, command)
        assert path.read_bytes() == first, command
        assert provenance.verify(release / provenance.ENVELOPE, first, keys.public) == [], command


def test_a_waived_item_counts_and_stands_in_every_document(release: Path) -> None:
    waiver = "waivers=[{item: 6, reason: made for a test, by: QA, until: 2099-01-01}]"
    done = seatrial(release, "finalize", "--config", "config.yaml", "--json", waiver)
    items = {item["id"]: item for item in json.loads(done.stdout)["gate"]["items"]}
    assert items[6]["verdict"] == "FAIL"
    assert items[6]["waiver"]["by"] == "QA"
    for name in ("final_report.md", "docs/model_card.md", "results/production/test_results.md"):
        assert "made for a test" in (release / name).read_text(), name


def test_predict_answers_from_the_exported_file_alone(release: Path, tmp_path: Path) -> None:
    model = tmp_path / "alone.onnx"
    shutil.copy(release / "models/production_model.onnx", model)
    images = release / "images/test"
    arguments = ("--model", str(model), "--input", str(images), "--output", "prediction.json")
    done = seatrial(tmp_path, "predict", *arguments)
    assert done.returncode == 0, done.stderr
    predictions = json.loads((tmp_path / "prediction.json").read_text())["predictions"]
    assert len(predictions) == 16
    stored = np.load(release / "results/production/predictions.npz", allow_pickle=False)
    decided = dict(zip(stored["test_ids"].tolist(), stored["test_logits"].argmax(1), strict=True))
    for prediction in predictions:
        name = str(Path(prediction["input"]).relative_to(release / "images"))
        assert prediction["class_index"] == decided[name]
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_one_damaged_image_is_named_and_the_others_are_answered(release: Path) -> None:
    (release / "images/test/day/00.png").write_bytes(b"damaged")
    arguments = ("--model", "models/production_model.onnx", "--input", "images/test")
    done = seatrial(release, "predict", *arguments)
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert (len(document["predictions"]), len(document["errors"])) == (15, 1)
    assert "00.png" in done.stderr


def test_load_test_answers_every_request(release: Path) -> None:
    arguments = ("--num-requests", "50", "--concurrency", "4", "--json")
    done = seatrial(release, "load-test", "--model", "models/production_model.onnx", *arguments)
    record = json.loads(done.stdout)
    assert (done.returncode, record["errors"], record["num_requests"]) == (0, 0, 50)


def test_status_of_the_latest_run_gives_its_outcome(made: Path) -> None:
    found = json.loads(seatrial(made, "status", "--json").stdout)
    assert (found["run"], found["state"], found["exit_code"]) == (
        outcome(made)["run"],
        "finished",
        1,
    )
    assert found["epoch"]["epoch"] == 3
    assert seatrial(made, "status", "--wait").returncode == 1


def test_verify_and_benchmark_repeat_a_step_of_the_release(release: Path) -> None:
    verified = seatrial(release, "verify", "--json")
    assert verified.returncode == 0, verified.stderr
    formats = json.loads(verified.stdout)["verify"]["formats"]
    assert all(one["passed"] for one in formats)
    assert states(release, json.loads(verified.stdout)["run"])["verify"] == "finished"
    measured = seatrial(release, "benchmark", "--json")
    assert json.loads(measured.stdout)["benchmark"]["formats"][0]["size_mb"] > 0


def _weights(release: Path) -> dict[str, torch.Tensor]:
    path = release / "checkpoints/production/final_model_best.pt"
    weights: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model_state_dict"]
    return weights


def test_a_model_trained_elsewhere_goes_the_same_way(release: Path) -> None:
    save_file(_weights(release), release / "elsewhere.safetensors")
    arguments = (
        "--checkpoint", "elsewhere.safetensors", "--json",
        "export.formats=[onnx]", "export.quantization.enabled=false",
    )  # fmt: skip
    done = seatrial(release, "finalize", "--config", "config.yaml", *arguments)
    assert done.returncode == 1, done.stderr
    items = {item["id"]: item for item in json.loads(done.stdout)["gate"]["items"]}
    assert {items[n]["verdict"] for n in (1, 3, 4)} == {"SKIPPED"}
    assert items[1]["reason"] == "trained elsewhere"
    assert items[8]["verdict"] == "PASS"
    for name in ("final_report.md", "docs/model_card.md", "docs/deployment_guide.md"):
        assert "trained elsewhere" in (release / name).read_text().lower(), name


def test_missing_and_unexpected_keys_are_named(release: Path) -> None:
    weights = _weights(release)
    first = next(iter(weights))
    weights["stranger"] = weights.pop(first)
    torch.save(weights, release / "elsewhere.pt")
    done = seatrial(release, "evaluate", "--config", "config.yaml", "--checkpoint", "elsewhere.pt")
    assert done.returncode == 3
    assert first in done.stderr
    assert "stranger" in done.stderr


def test_export_by_hand_writes_the_formats_asked_for(release: Path) -> None:
    torch.save(_weights(release), release / "weights.pt")
    arguments = ("--checkpoint", "weights.pt", "--format", "torchscript", "--output-dir", "out")
    done = seatrial(release, "export", "--config", "config.yaml", *arguments)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (release / "out").iterdir())
    assert names == ["production_model.pt", "production_model.pt.json"]


def test_a_run_by_hand_says_that_no_gate_vouches_for_it(made: Path) -> None:
    assert (
        "No earlier gate vouches for this configuration" in (made / "final_report.md").read_text()
    )
