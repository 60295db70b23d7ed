"""The document step: renders the documents from facts and runs the code in them."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path, PurePosixPath

from seatrial import provenance, reports
from seatrial.artifacts import danger
from seatrial.config import slices
from seatrial.config.schema import Config
from seatrial.evidence.known_issues import KNOWN_ISSUES
from seatrial.evidence.reading import RELEASED_STEPS, read_facts
from seatrial.evidence.records import DocumentsRecord, Record
from seatrial.files import copy_file, sha256_file, write_bytes, write_text
from seatrial.publishing import released_files
from seatrial.steps.interface import Context, Step

GUIDE = "docs/deployment_guide.md"


def _work(context: Context, output: Path) -> Record:
    started = time.perf_counter()
    for name in _project_files(context.config):
        if (context.project / name).is_file():
            copy_file(context.project / name, output / KNOWN_ISSUES)
    facts = read_facts(context.run, output)
    documents = reports.render_documents(facts)
    for name, text in documents.items():
        write_text(output / name, text)
    if facts.release_digest is not None:
        statement = provenance.to_json_bytes(provenance.statement(facts))
        write_bytes(output / provenance.STATEMENT, statement)
    with tempfile.TemporaryDirectory(prefix="seatrial-guide-") as name:
        staged = Path(name)
        _stage_models(context, staged)
        guide = documents.get(GUIDE)  # not there where the export is not
        blocks = () if guide is None else reports.run_code_blocks(guide, staged, GUIDE)
    return DocumentsRecord(
        documents=reports.check_sections(documents),
        code_blocks=blocks,
        seconds=time.perf_counter() - started,
    )


def _stage_models(context: Context, staged: Path) -> None:
    """Lay out the released models for the guide's code. One that is not what its manifest says, or
    that would run code of a stranger when loaded, is left out: the code that needs it fails."""
    for path, source in released_files(context.run, context.config).items():
        if not path.startswith("models/"):
            continue
        copy = staged / path
        copy_file(source, copy)
        step = "evaluate" if source.parent == context.folder("evaluate") else "export"
        if sha256_file(copy) != context.digest(step, source.name) or danger(copy):
            copy.unlink()


def _project_files(config: Config) -> tuple[str, ...]:
    """The known issues, as long as they lie in the project."""
    parts = PurePosixPath(config.known_issues)
    return () if parts.is_absolute() or ".." in parts.parts else (config.known_issues,)


STEP = Step(
    name="document",
    project_files=_project_files,
    reads=(
        *(f"{step}/record.json" for step in RELEASED_STEPS),
        "evaluate/sample.png",  # the code in the guide is run with what is published as models/
        "export/production_model*",
    ),
    settings=slices.whole,
    work=_work,
    belongs_to_run=True,
)
