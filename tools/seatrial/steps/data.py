"""The data step: reads, splits and describes the data set before anything is trained."""

from __future__ import annotations

from pathlib import Path

from seatrial.config import slices
from seatrial.data import describe
from seatrial.evidence.records import Record
from seatrial.files import write_json
from seatrial.steps.interface import Context, Step

PREPROCESSING = "preprocessing.json"


def _work(context: Context, output: Path) -> Record:
    record = describe(context.dataset, output)
    write_json(output / PREPROCESSING, record.preprocessing.model_dump(mode="json"))
    return record


STEP = Step(name="data", reads=(), settings=slices.data, work=_work)
