"""Builds ``configs/final_config.yaml`` from the best configuration that an earlier gate passed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.config import strict_yaml
from seatrial.config.load import check
from seatrial.config.metric_names import METRICS
from seatrial.errors import ConfigurationError, Refused
from seatrial.files import read_json, write_text

FINAL_CONFIG = "configs/final_config.yaml"

_CANDIDATES = (
    ("optimization", "configs/optimization_config.yaml"),
    ("baseline", "configs/training_config.yaml"),
)
"""Phases whose gate can vouch for a configuration, the better one first."""

_GO_ON = ("sufficient", "target_reached", "accepted_best")


@dataclass(frozen=True)
class Change:
    """One value set for the final training, and why."""

    path: tuple[str, ...]
    value: Any
    reason: str


def _changes(raw: dict[str, Any]) -> list[Change]:
    training = raw.get("training") or {}
    planned = training.get("epochs", 0) if isinstance(training, dict) else 0
    epochs = max(100, planned if isinstance(planned, int) else 0)
    val = [f"val_{name}" for name in METRICS if name != "confusion_matrix"]
    test = [f"test_{name}" for name in METRICS]
    return [
        Change(("training", "epochs"), epochs, "the final training may take longer"),
        Change(("early_stopping", "enabled"), True, "stops once validation no longer improves"),
        Change(("early_stopping", "patience"), 10, "patience for the longer training"),
        Change(("checkpointing", "save_best"), True, "the release is made from the best"),
        Change(("checkpointing", "save_last"), True, "the training can be resumed"),
        Change(("checkpointing", "save_top_k"), 3, "the three best are kept for comparison"),
        Change(("validation", "metrics"), val, "all metrics are recorded"),
        Change(("test_set", "enabled"), True, "the release is judged on held-out data"),
        Change(("test_set", "evaluate_at_end"), True, "once, after training"),
        Change(("test_set", "metrics"), test, "all metrics are reported"),
        Change(("export", "enabled"), True, "a release is deployed from its exports"),
    ]


@dataclass(frozen=True)
class FinalConfig:
    """The file that was written, the gate that vouches for it, and what changed, as a diff."""

    path: Path
    vouched_by: str
    difference: str


def build(project: Path) -> FinalConfig:
    """Write ``configs/final_config.yaml`` from the best configuration a passed gate vouches for.

    :raises Refused: no earlier gate has passed; the message says what to run.
    :raises ConfigurationError: the configuration found is not valid.
    """
    gate, source = _vouched(project)
    raw, _ = strict_yaml.read(project / source, source)
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{source}: expected sections such as model and data")
    before = strict_yaml.dump(raw)
    changes = [change for change in _changes(raw) if _set(raw, change)]
    check(raw, source)
    after = _with_reasons(strict_yaml.dump(raw), changes)
    header = f"# Made from {source}, which {gate} vouches for.\n"
    write_text(project / FINAL_CONFIG, header + after)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), source, FINAL_CONFIG, lineterm="", n=0
    )
    return FinalConfig(project / FINAL_CONFIG, gate, "\n".join(lines))


def _vouched(project: Path) -> tuple[str, str]:
    found = []
    for phase, source in _CANDIDATES:
        name = f"results/{phase}/gate.json"
        if not (project / name).exists():
            found.append(f"{name} does not exist")
            continue
        gate = read_json(project / name)
        passed = isinstance(gate, dict) and gate.get("passed") is True
        decision = gate.get("decision") if isinstance(gate, dict) else None
        if not passed or decision not in _GO_ON:
            found.append(f"{name}: passed {passed}, decision {decision!r}")
        elif not (project / source).exists():
            found.append(f"{name} passed, but {source} does not exist")
        else:
            return name, source
    raise Refused(
        f"no earlier gate vouches for a configuration ({'; '.join(found)}): run the baseline "
        "phase first, or name a configuration with --config"
    )


def _set(raw: dict[str, Any], change: Change) -> bool:
    section = raw
    for key in change.path[:-1]:
        if not isinstance(section.get(key), dict):
            section[key] = {}
        section = section[key]
    if section.get(change.path[-1]) == change.value:
        return False
    section[change.path[-1]] = change.value
    return True


def _with_reasons(text: str, changes: list[Change]) -> str:
    _, lines = strict_yaml.parse(text, FINAL_CONFIG)
    reasons = {lines[change.path]: change.reason for change in changes}
    # A list of one line may be wrapped; its reason then stands above it.
    written = []
    for number, line in enumerate(text.splitlines(), 1):
        if number in reasons and line.count("[") > line.count("]"):
            indent = line[: len(line) - len(line.lstrip())]
            written += [f"{indent}# {reasons[number]}", line]
        else:
            written.append(f"{line}  # {reasons[number]}" if number in reasons else line)
    return "\n".join(written) + "\n"
