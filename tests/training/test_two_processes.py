"""Two processes (gloo) train as one does with the same global batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from seatrial.data import Dataset
from seatrial.training import train
from seatrial.training.checkpoints import BEST, LAST, read

WORKER = Path(__file__).with_name("two_processes_worker.py")
DOUBLE = {"precision": "fp64", "epochs": 4, "batch_size": 18}
"""Five batches an epoch, twenty steps."""
CASES: dict[str, dict[str, dict[str, Any]]] = {
    "group_norm": {"model": {"arguments": {"norm": "group"}}, "training": DOUBLE},
    "shared_batch_norm": {"training": DOUBLE},
    # Ninety images: five batches of 17 and one of 5, two a step; 9 and 8, then 3 and 2.
    "uneven": {
        "model": {"arguments": {"norm": "group"}},
        "loss": {"class_weights": "balanced", "label_smoothing": 0.1},
        "training": {
            **DOUBLE, "epochs": 2, "batch_size": 17, "accumulate_batches": 2, "ema_decay": 0.9,
            "gradient_clip_norm": 0.5,
        },
        "data_augmentation": {"transforms": [{"random_crop": {"size": [8, 8], "padding": 1}}]},
    },
    # The last batch has two images, one for each process, and batch norm sees both.
    "two_left": {"training": {**DOUBLE, "epochs": 2, "batch_size": 44}},
    "single": {"training": {"epochs": 1, "batch_size": 90}, "optimizer": {"type": "sgd"}},
}  # fmt: skip


def ignore(event: dict[str, object]) -> None:
    del event


@pytest.fixture(scope="module")
def together(
    project: Path, configure: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Every case trained by two processes, in one start of them."""
    folder = tmp_path_factory.mktemp("together")
    outputs = {name: folder / name for name in CASES}
    jobs = [
        {"config": configure(**case).model_dump(mode="json"), "output": str(outputs[name])}
        for name, case in CASES.items()
    ]
    jobs[list(CASES).index("shared_batch_norm")]["interrupt_at"] = 7
    (folder / "jobs.json").write_text(json.dumps(jobs))
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        str(WORKER), str(folder / "jobs.json"), str(project),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return outputs


@pytest.mark.parametrize("name", list(CASES))
def test_two_processes_give_the_weights_of_one(
    name: str,
    together: dict[str, Path],
    dataset: Dataset,
    project: Path,
    configure: Any,
    tmp_path: Path,
) -> None:
    """Within 1e-9 in float64; in float32 one step within 1e-6 of the largest weight. One of them
    is interrupted on the way."""
    alone = train(
        configure(**CASES[name]), dataset, tmp_path, project=project, carried=None, emit=ignore
    )
    expected = read(tmp_path / "checkpoints" / LAST)
    found = read(together[name] / "checkpoints" / LAST)
    assert alone.processes == 1
    assert found["step"] == expected["step"]
    for key in ("model_state_dict", "raw_model_state_dict"):
        for tensor_name, tensor in expected.get(key, {}).items():
            bound = 1e-9 if tensor.dtype == torch.float64 else 1e-6 * float(tensor.abs().max())
            difference = float((found[key][tensor_name] - tensor).abs().max())
            assert difference <= bound, (key, tensor_name)
    for ours, theirs in zip(found["history"], expected["history"], strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-6)
        assert ours["train_acc"] == theirs["train_acc"]
        assert ours["metrics"] == pytest.approx(theirs["metrics"], rel=1e-5)


def test_devices_2_starts_the_processes_itself(
    dataset: Dataset, project: Path, configure: Any, tmp_path: Path
) -> None:
    events: list[dict[str, object]] = []
    record = train(
        configure(training={"devices": 2, "batch_norm": "per_rank"}),
        dataset,
        tmp_path,
        project=project,
        carried=None,
        emit=events.append,
    )
    assert record.processes == 2
    assert record.batch_norm == "per_rank"
    assert record.last_resumable is True
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [1, 2]
    assert "batch-norm statistics each process's own" in (tmp_path / "training.log").read_text()
    assert (tmp_path / "checkpoints" / BEST).is_file()
