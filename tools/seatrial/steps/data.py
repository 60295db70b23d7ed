"""The data step: reads, splits and describes the data set before anything is trained."""

from __future__ import annotations

from pathlib import Path

from seatrial.config.schema import Config
from seatrial.data import describe
from seatrial.evidence.records import Record
from seatrial.files import write_json
from seatrial.steps.interface import Context, Step

PREPROCESSING = "preprocessing.json"


def _settings(config: Config) -> object:
    # The root may be written in another way or the folder moved: the digest says what is there.
    return {
        "data": config.data.model_dump(mode="json", exclude={"root", "memory_budget_mb"}),
        "seed": config.reproducibility.seed,
    }


def _work(context: Context, output: Path) -> Record:
    record = describe(context.dataset, output)
    write_json(output / PREPROCESSING, record.preprocessing.model_dump(mode="json"))
    return record


STEP = Step(name="data", reads=(), settings=_settings, work=_work)
