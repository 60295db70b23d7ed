"""What a terminal shows: one line a step as it ends, and how the run came out."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import Format, GateRecord
from seatrial.reports import formats as f
from seatrial.reports.approving import approval_lines
from seatrial.reports.contexts import releases
from seatrial.reports.contexts.production_ready import tally
from seatrial.reports.sections import PRODUCTION_READY
from seatrial.reports.sentences import results, training

_SHORT: dict[Format, str] = {
    "onnx": "onnx",
    "onnx_fp16": "fp16",
    "onnx_int8": "int8",
    "torchscript": "torchscript",
    "torch_export": "pt2",
}
_SIZED = ("onnx", "onnx_int8")
_STEP_WIDTH, _TEXT_WIDTH, _TITLE_WIDTH = 10, 60, 28


def line_for(step: str, facts: Facts) -> str:
    """The line of a finished step: name, what came of it, time.

    :param step: data, train, evaluate, export, verify, benchmark or document.
    :raises KeyError: another step, or one whose record is not in ``facts``.
    """
    name, describe = _LINES[step]
    said = describe(facts)
    if said is None:
        raise KeyError(f"{step}: the facts hold no record of this step")
    text, seconds = said
    return _line(name, text, f.seconds(seconds))


def _line(name: str, text: str, time: str) -> str:
    return f"{name:<{_STEP_WIDTH}} {text:<{_TEXT_WIDTH}} {time:>7}".rstrip()


def _data(facts: Facts) -> tuple[str, float] | None:
    data = facts.data
    if data is None:
        return None
    n = sum(split.total for split in data.splits)
    readable = f"{f.count(len(data.unreadable))} unreadable" if data.unreadable else "all readable"
    pairs = training.total(data.leakage, data.leakage_total)
    leaks = f.plural(pairs, "leaking pair") if pairs else "no leakage"
    classes = f.plural(len(data.classes), "class", "classes")
    return f"{f.plural(n, 'image')}, {classes}; {readable}, {leaks}", data.seconds


def _train(facts: Facts) -> tuple[str, float] | None:
    train = facts.train
    if train is None:
        return None
    if train.trained_elsewhere:
        return f"trained elsewhere: {facts.run.checkpoint or 'checkpoint given'}", train.seconds
    ended = f"ended at epoch {len(train.epochs)} of {train.epochs_planned}"
    value = training.metric(train.monitor, train.best_value)
    return f"{ended}; best {train.best_epoch}: {train.monitor} {value}", train.seconds


def _evaluate(facts: Facts) -> tuple[str, float] | None:
    evaluation = facts.evaluate
    if evaluation is None:
        return None
    accuracy, gap = evaluation.test.get("acc"), evaluation.gap
    text = (
        f"test_acc {f.estimate(accuracy, True)}, n = {f.count(evaluation.n_test)};"
        f" gap {f.points(gap.value)}, {f.p_value(gap.p_value)}"
    )
    return text, evaluation.seconds


def _export(facts: Facts) -> tuple[str, float] | None:
    if facts.export is None:
        return None
    parts = []
    for a in facts.export.artifacts:
        size = f" {f.size(a.size_bytes)}" if a.format in _SIZED else ""
        parts.append(f"{_SHORT[a.format]}{size if a.status == 'exported' else f' {a.status}'}")
    return " · ".join(parts), facts.export.seconds


def _verify(facts: Facts) -> tuple[str, float] | None:
    if facts.verify is None:
        return None
    parts = []
    for v in facts.verify.formats:
        flips = "0"
        if v.flips:
            flips = f"{f.count(len(v.flips))} of {f.count(v.n)}, {f.p_value(v.mcnemar_p)}"
        parts.append(f"{_SHORT[v.format]} {flips if v.passed else 'FAILED'}")
    return f"flips: {' · '.join(parts)}", facts.verify.seconds


def _benchmark(facts: Facts) -> tuple[str, float] | None:
    if facts.benchmark is None:
        return None
    parts = []
    for m in (m for m in facts.benchmark.formats if m.format in _SIZED or m.error):
        single = releases.latency_at(m, 1)
        shown = "not measured" if single is None else f.milliseconds(single.p50_ms)
        faster = f" ({f.ratio(m.speedup)})" if m.format == "onnx_int8" and m.speedup else ""
        parts.append(f"{_SHORT[m.format]} {shown}{faster}")
    return f"batch 1, p50: {' · '.join(parts)}", facts.benchmark.seconds


def _document(facts: Facts) -> tuple[str, float] | None:
    record = facts.documents
    if record is None:
        return None
    lacking = sum(bool(d.missing_sections) for d in record.documents)
    ran = [b for b in record.code_blocks if b.exit_code is not None]
    failed = sum(b.exit_code != 0 for b in ran)
    text = f"{f.plural(len(record.documents), 'document')}, {f.plural(len(ran), 'code block')} run"
    if lacking:
        text += f", {lacking} incomplete"
    text += f", {failed} failed" if failed else ", all succeed"
    return text, record.seconds


_LINES: dict[str, tuple[str, Callable[[Facts], tuple[str, float] | None]]] = {
    "data": ("data", _data),
    "train": ("train", _train),
    "evaluate": ("evaluate", _evaluate),
    "export": ("export", _export),
    "verify": ("verify", _verify),
    "benchmark": ("measure", _benchmark),
    "document": ("documents", _document),
}


def summary_lines(facts: Facts, gate: GateRecord) -> list[str]:
    """How the gate came out: the tally, what failed with the next step, then target, achieved,
    margin and decision, and the document to open."""
    evaluation, targets = facts.evaluate, facts.config.targets
    accuracy = None if evaluation is None else evaluation.test.get("acc")
    target = "not declared" if targets.test_acc is None else f.percent(targets.test_acc)
    lines = [_line("gate", tally(gate), ""), ""]
    for item in gate.items:
        if item.verdict != "PASS":
            waived = " (waived)" if item.waiver is not None else ""
            title = f"{item.title:<{_TITLE_WIDTH}}"
            lines.append(f"  {item.verdict:<7} {item.id:>2} {title}  {item.reason}{waived}")
            lines.append(f"{'next:':>16} {item.remedy}")
    return [
        *lines,
        *([""] if lines[-1] else []),
        *(approval_lines(gate.approvals, gate.signers_sha256) if gate.approvals else []),
        f"release    {facts.release_digest or 'none: not every step is whole'}",
        f"target     {target}",
        f"achieved   {f.estimate(accuracy, True)}",
        f"margin     {results.margin(evaluation, targets)}",
        f"decision   {gate.decision}",
        "",
        f"{'Ready' if gate.passed else 'Not ready'}. {PRODUCTION_READY.path}",
    ]
