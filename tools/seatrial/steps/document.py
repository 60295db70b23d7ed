"""The document step: renders the documents from facts and runs the code in them."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from seatrial import reports
from seatrial.config.schema import Config
from seatrial.evidence.reading import read_facts
from seatrial.evidence.records import DocumentsRecord, Record
from seatrial.files import copy_file, write_text
from seatrial.publishing import released_files
from seatrial.steps.interface import Context, Step

GUIDE = "docs/deployment_guide.md"


def _settings(config: Config) -> object:
    return config.model_dump(mode="json")


def _work(context: Context, output: Path) -> Record:
    started = time.perf_counter()
    documents = reports.render_documents(read_facts(context.run))
    for name, text in documents.items():
        write_text(output / name, text)
    with tempfile.TemporaryDirectory(prefix="seatrial-guide-") as name:
        staged = Path(name)
        for path, source in released_files(context.run, context.config).items():
            if path.startswith("models/"):
                copy_file(source, staged / path)
        guide = documents.get(GUIDE)  # not there where the export is not
        blocks = () if guide is None else reports.run_code_blocks(guide, staged, GUIDE)
    return DocumentsRecord(
        documents=reports.check_sections(documents),
        code_blocks=blocks,
        seconds=time.perf_counter() - started,
    )


STEP = Step(
    name="document",
    reads=tuple(
        f"{step}/record.json"
        for step in ("data", "train", "evaluate", "export", "verify", "benchmark")
    ),
    settings=_settings,
    work=_work,
    belongs_to_run=True,
)
