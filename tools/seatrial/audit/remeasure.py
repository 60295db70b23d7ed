"""Measures again what can be measured again: the data set, the model, and every export.

Each file is hashed before it is loaded: the steps themselves refuse one that its manifest does not
list so. What is measured goes to a temporary folder. Imports torch, through the steps.

On the machine that measured first, with its packages, answers must be the same bit for bit. On
another one logits may differ by as much as arithmetic in another order moves them
(:data:`ROUNDING` of the largest logit), and no decision may differ but a tie.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial import evaluation, steps
from seatrial.audit.chain import read_origin
from seatrial.audit.documents import read_problem
from seatrial.audit.figures import MEASURED_ONLY, PREDICTIONS, SPLITS, differing
from seatrial.audit.findings import Finding, Findings
from seatrial.audit.steps import StepFound, Steps
from seatrial.audit.subject import Subject
from seatrial.audit.tree import read_plain
from seatrial.config.schema import Config, is_own
from seatrial.data import Dataset, open_dataset
from seatrial.evidence import environment
from seatrial.evidence.facts import Facts
from seatrial.evidence.manifests import RECORD
from seatrial.evidence.records import DocumentsRecord, VerificationRecord
from seatrial.evidence.runs import Run
from seatrial.machine import processor_name
from seatrial.parity.comparing import ROUNDING, margins
from seatrial.steps import Context
from seatrial.steps.evaluate import Answers, illustrate, measure

_TIMES = ("seconds", "streamed")
"""What differs with the machine and its load, and nothing rests on it."""

Logits = npt.NDArray[np.float32]


class Remeasurement:
    """One remeasurement: the data set opened once, and what was done."""

    def __init__(self, subject: Subject, facts: Facts, found: Steps, data: Path | None) -> None:
        self.subject = subject
        self.facts = facts
        self.steps = found
        self.data = data
        self.done: list[str] = []

    def findings(self) -> Findings:
        """Every difference; a part that cannot be measured is one too."""
        try:
            dataset = self._open()
        except Exception as error:  # files that were forged may break any reader
            message = f"the data set: {self._relative(read_problem(error))}"
            if not self.subject.in_project and self.data is None:
                message += "; give --data PATH: the folder of a run does not hold the data set"
            yield Finding(f"runs/{self.subject.run.id}", "not checked", message)
            return
        parts: tuple[tuple[str, Callable[[Context, StepFound, Path], Findings]], ...] = (
            ("data", self._data), ("evaluate", self._evaluate), ("verify", self._verify),
            ("document", self._document),
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="seatrial-remeasure-") as folder:
            for name, part in parts:
                yield from self._part(name, part, dataset, Path(folder) / name)

    def _part(
        self,
        name: str,
        part: Callable[[Context, StepFound, Path], Findings],
        dataset: Dataset,
        output: Path,
    ) -> Findings:
        step = self.steps.found.get(name)
        if step is None:
            return
        output.mkdir()
        try:
            yield from part(self._context(step, dataset), step, output)
            self.done.append(name)
        except Exception as error:  # as above
            message = f"not measured again: {self._relative(read_problem(error))}"
            yield Finding(step.shown, "not checked", message)

    def _open(self) -> Dataset:
        config = self._config(self.steps.found["data"]).data
        if self.data is not None:
            config = config.model_copy(update={"root": str(self.data.resolve())})
        seed = self.facts.config.reproducibility.seed
        return open_dataset(config, self.subject.run.project, seed)

    def _config(self, step: StepFound) -> Config:
        return read_origin(step.folder.parent).config or self.facts.config

    def _context(self, step: StepFound, dataset: Dataset) -> Context:
        """What the step had when it was done: the run that did it, and the data set."""
        run = Run(self.subject.run.project, step.run)
        context = Context(run, self._config(step), emit=_unheard)
        context.dataset = dataset
        return context

    def _relative(self, message: str) -> str:
        return message.replace(f"{self.subject.run.project}/", "")

    def _data(self, context: Context, step: StepFound, output: Path) -> Findings:
        assert self.facts.data is not None
        again = steps.get("data").work(context, output).model_dump(mode="json")
        found = self.facts.data.model_dump(mode="json")
        yield from _unlike(step, RECORD, again, found, leave=_TIMES)
        if read_plain(output / SPLITS) != read_plain(step.folder / SPLITS):
            message = "the data set as it lies there gives other images, labels or splits"
            yield Finding(f"{step.shown}/{SPLITS}", "remeasured", message)
        yield from self._pictures(step, output)

    def _evaluate(self, context: Context, step: StepFound, output: Path) -> Findings:
        recorded, config = self.facts.evaluate, context.config
        assert recorded is not None
        if is_own(config.model.architecture):
            code = step.manifest.inputs.get("project code") if step.manifest else None
            if environment.project_code_digest(context.project) != code:
                message = "not measured again: the project's own code is not that of the run"
                yield Finding(step.shown, "not checked", message)
                return
        measured = measure(context, lambda _: recorded.ledger_count)
        stored = evaluation.read_predictions(step.folder / PREDICTIONS)
        exact = self._same_machine(step)
        kept = {
            "test": Answers(list(stored.test_ids), stored.test_labels, stored.test_logits),
            "val": Answers(list(stored.val_ids), stored.val_labels, stored.val_logits),
        }
        for split, again in (("test", measured.test), ("val", measured.val)):
            for problem in unlike_answers(again, kept[split], exact=exact):
                message = f"{split}: {problem}"
                yield Finding(f"{step.shown}/{PREDICTIONS}", "remeasured", message)
        again_record = measured.record.model_dump(mode="json")
        found = recorded.model_dump(mode="json")
        leave = (*_TIMES, "plots")
        if exact:
            yield from _unlike(step, RECORD, again_record, found, leave=leave)
        else:
            only = {key: again_record[key] for key in MEASURED_ONLY if key not in leave}
            yield from _unlike(step, RECORD, only, {key: found[key] for key in only})
        illustrate(context.dataset, recorded, output)
        yield from self._pictures(step, output)

    def _verify(self, context: Context, step: StepFound, output: Path) -> Findings:
        again = steps.get("verify").work(context, output)
        recorded = self.facts.verify
        assert isinstance(again, VerificationRecord) and recorded is not None
        exact = self._same_machine(step)
        found = {one.format: one for one in recorded.formats}
        for one in again.formats:
            other = found.pop(one.format, None)
            if other is None:
                message = f"{one.format}: exported, and not verified"
                yield Finding(f"{step.shown}/{RECORD}", "remeasured", message)
                continue
            keys = None if exact else ("passed", "n", "golden_n", "golden_agree")
            first, second = one.model_dump(mode="json"), other.model_dump(mode="json")
            decided = {} if exact else {"flips beyond ties": _beyond_ties(first)}
            if decided:
                second["flips beyond ties"] = _beyond_ties(second)
            chosen = {k: v for k, v in first.items() if keys is None or k in keys} | decided
            kept = {key: second.get(key) for key in chosen}
            format_: str = one.format
            yield from _unlike(step, RECORD, {format_: chosen}, {format_: kept}, leave=_TIMES)
        for name in found:
            message = f"{name}: verified, and not exported"
            yield Finding(f"{step.shown}/{RECORD}", "remeasured", message)

    def _document(self, context: Context, step: StepFound, output: Path) -> Findings:
        """The code of the deployment guide run again. The documents themselves are rendered again
        whether or not anything is measured."""
        again = steps.get("document").work(context, output)
        recorded = self.facts.documents
        assert isinstance(again, DocumentsRecord) and recorded is not None
        first = {"code_blocks": [one.model_dump(mode="json") for one in again.code_blocks]}
        second = {"code_blocks": [one.model_dump(mode="json") for one in recorded.code_blocks]}
        yield from _unlike(step, RECORD, first, second, leave=_TIMES)

    def _pictures(self, step: StepFound, drawn: Path) -> Findings:
        """Pictures drawn again, pixel by pixel, where the same version draws."""
        record = read_origin(step.folder.parent).record
        then = {} if record is None else record.environment.packages
        now = environment.packages()
        if any(then.get(name) != now.get(name) for name in ("matplotlib", "pillow", "numpy")):
            return
        for path in sorted(drawn.glob("*.png")):
            if not _same_pixels(path, step.folder / path.name):
                message = "drawn again from the record and the data set it looks otherwise"
                yield Finding(f"{step.shown}/{path.name}", "remeasured", message)

    def _same_machine(self, step: StepFound) -> bool:
        """Whether the arithmetic is that of the first measurement: processor and packages."""
        record, inputs = read_origin(step.folder.parent).record, {}
        if step.manifest is not None:
            inputs = step.manifest.inputs
        processor = None if record is None else record.environment.processor
        here = processor_name()
        return inputs.get("packages") == environment.computing_digest() and processor == here


def unlike_answers(again: Answers, kept: Answers, *, exact: bool) -> Sequence[str]:
    """How measured answers differ from those that were kept, one phrase each."""
    if again.ids != kept.ids or not np.array_equal(again.labels, kept.labels):
        return ["other images or labels, or in another order"]
    if again.logits.shape != kept.logits.shape:
        return [f"logits {again.logits.shape} measured, {kept.logits.shape} kept"]
    if np.array_equal(again.logits, kept.logits):
        return []
    difference = float(np.abs(again.logits - kept.logits).max())
    flips = again.logits.argmax(axis=1) != kept.logits.argmax(axis=1)
    if exact:
        return [
            f"the same logits required on this machine; they differ by up to {difference:.3g},"
            f" and {int(flips.sum())} decisions"
        ]
    allowed = ROUNDING * max(1.0, float(np.abs(again.logits).max()))
    problems = []
    if difference > allowed:
        problems.append(f"logits differ by up to {difference:.3g}, {allowed:.3g} is rounding")
    beyond = flips & (margins(again.logits) > 2 * allowed)
    if beyond.any():
        problems.append(f"{int(beyond.sum())} decisions differ and are no ties")
    return problems


def _beyond_ties(format_: Mapping[str, Any]) -> list[str]:
    return sorted(flip["id"] for flip in format_["flips"] if not flip["tie"])


def _unlike(
    step: StepFound,
    name: str,
    again: Mapping[str, Any],
    found: Mapping[str, Any],
    leave: Sequence[str] = (),
) -> Findings:
    for where, first, second in differing(dict(again), dict(found)):
        if not set(re.split(r"\W+", where)) & set(leave):
            message = f"{where}: measured again {first}, recorded {second}"
            yield Finding(f"{step.shown}/{name}", "remeasured", message)


def _same_pixels(first: Path, second: Path) -> bool:
    from PIL import Image

    try:
        with (
            Image.open(first, formats=("PNG",)) as one,
            Image.open(second, formats=("PNG",)) as other,
        ):
            return np.array_equal(np.asarray(one), np.asarray(other))
    except (OSError, ValueError, SyntaxError):
        return False


def _unheard(event: dict[str, object]) -> None:
    """Nobody follows."""
