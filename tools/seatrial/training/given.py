"""Models on disk: one of ours loaded for use, and one trained elsewhere taken in."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from seatrial import files, models
from seatrial.config.schema import Config
from seatrial.data import Dataset
from seatrial.errors import InputError
from seatrial.evidence.records import Checkpoint, TrainRecord
from seatrial.training import checkpoints
from seatrial.training.assembly import build_model, identity, input_shape
from seatrial.training.auto import resolve_auto
from seatrial.training.checkpoints import BEST, CHECKPOINTS


def load_model(
    config: Config,
    checkpoint: Path,
    *,
    num_classes: int,
    project: Path,
    sha256: str | None = None,
) -> nn.Module:
    """The model of one of our checkpoints, float32, in evaluation mode, on the CPU.

    Laid out channels-last where training was. ``sha256`` is what a manifest says of the file.

    :raises InputError: missing, damaged, not what ``sha256`` says, not ours, or of another
        architecture or class count.
    """
    content = checkpoints.read(checkpoint, sha256=sha256)
    expected = {"architecture": config.model.architecture, "classes": num_classes}
    found = {"architecture": content["architecture"], "classes": len(content["classes"])}
    for name, value in expected.items():
        if found[name] != value:
            raise InputError(
                f"{checkpoint}: {name} {value} required, as configured; the checkpoint has "
                f"{found[name]}"
            )
    channels, height, width = content["input_shape"]
    model = build_model(config, num_classes, (channels, height, width), project)
    models.put_weights(model, content["model_state_dict"], checkpoint)
    if config.training.channels_last is True:
        model = model.to(memory_format=torch.channels_last)
    return model.eval()


def given(
    config: Config, checkpoint: Path, dataset: Dataset, output: Path, *, project: Path
) -> TrainRecord:
    """Take in a model trained elsewhere: a state dict as ``.pt`` or ``.safetensors``.

    It is loaded into the configured architecture, and written in our format to
    ``checkpoints/final_model_best.pt``; nothing is claimed about its training.

    :raises InputError: missing, damaged, or with keys that the architecture does not have, does
        not find, or has in another shape; each is named.
    """
    config = resolve_auto(config, project=project)
    num_classes = len(dataset.classes)
    model = build_model(config, num_classes, input_shape(dataset.spec), project)
    models.load_weights(model, checkpoint)
    path = output / CHECKPOINTS / BEST
    content: checkpoints.Content = {
        "format_version": checkpoints.FORMAT_VERSION,
        **identity(config, dataset).content(),
        "trained_elsewhere": True,
        "model_state_dict": dict(model.state_dict()),
        "epoch": 0,
        "step": 0,
        "metrics": {},
        "val_acc": None,
    }
    checkpoints.write(path, content)
    training = config.training
    assert training.threads is not None
    return TrainRecord(
        trained_elsewhere=True,
        architecture=config.model.architecture,
        parameters=sum(p.numel() for p in model.parameters()),
        epochs_planned=0,
        epochs=(),
        stopped="trained_elsewhere",
        monitor=config.early_stopping.metric,
        best_epoch=0,
        best_value=None,
        checkpoints=(
            Checkpoint(
                role="given",
                path=f"{CHECKPOINTS}/{BEST}",
                epoch=0,
                sha256=files.sha256_file(path),
            ),
        ),
        last_resumable=None,
        diagnoses=(),
        resumed_at_epochs=(),
        seed=config.reproducibility.seed,
        deterministic=config.reproducibility.deterministic,
        device=training.device,
        precision=training.precision,
        threads=training.threads,
        processes=1,
        batch_size=training.batch_size,
        images_per_second=None,
        seconds=0.0,
    )
