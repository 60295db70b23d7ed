"""Forgeries in which every digest, document and verdict fits: what finds them, and what cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reliability.counting import full
from seatrial import evaluation
from seatrial.audit import Report, audit
from seatrial.audit.figures import evaluate_again
from seatrial.evidence.reading import read_facts
from seatrial.evidence.runs import Run
from seatrial.files import pretty_json, sha256_file

from .conftest import Made
from .forger import edit, reseal

Forge = Callable[[Made], None]


def named(report: Report) -> set[str]:
    """What each finding is of: the step and its file."""
    return {finding.path.split("/", 2)[-1] for finding in report.findings}


def test_a_resealed_release_is_whole_so_that_what_is_found_is_the_forgery(release: Made) -> None:
    reseal(release)
    assert audit(release.project).findings == ()


# ---------------------------------------------------------------- found without measuring


def _raise_accuracy(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["test"]["acc"]["value"] = 0.999

    edit(made.path("runs/{maker}/evaluate/record.json"), change)


def _raise_an_unjudged_figure(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["test"]["mcc"]["value"] = 0.999

    edit(made.path("runs/{maker}/evaluate/record.json"), change)


def _narrow_an_interval(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["test"]["f1"]["interval"] = [0.99, 0.999]

    edit(made.path("runs/{maker}/evaluate/record.json"), change)


def _raise_metrics(made: Made) -> None:
    def change(metrics: dict[str, Any]) -> None:
        metrics["test_acc"]["value"] = 0.999

    edit(made.path("runs/{maker}/evaluate/metrics.json"), change)


def _forget_a_class(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["splits"][0]["total"] -= 1

    edit(made.path("runs/{maker}/data/record.json"), change)


def _move_an_image(made: Made) -> None:
    path = made.path("runs/{maker}/data/splits.json")
    path.write_text(path.read_text().replace('"split":"train"', '"split":"test"', 1))


def _relabel_predictions(made: Made) -> None:
    _write_predictions(made, test_labels=lambda labels: 1 - labels)


def _smaller_model(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["formats"][0]["size_mb"] /= 10

    edit(made.path("runs/{maker}/benchmark/record.json"), change)


def _better_export(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["formats"][0]["accuracy"]["value"] = 0.5

    edit(made.path("runs/{maker}/verify/record.json"), change)


def _other_weights_recorded(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["checkpoints"][0]["sha256"] = "0" * 64

    edit(made.path("runs/{maker}/train/record.json"), change)


def _earlier_looks_forgotten(made: Made) -> None:
    """Ledger and record: one evaluation instead of two."""
    ledger = made.path("results/test_ledger.jsonl")
    ledger.write_text(ledger.read_text().splitlines(keepends=True)[-1])


def _other_weights_in_the_ledger(made: Made) -> None:
    ledger = made.path("results/test_ledger.jsonl")
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    lines[-1]["weights"] = "0" * 64
    ledger.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _listed_twice(made: Made) -> None:
    """Which of the two digests is meant, is up to who reads it."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"].insert(0, manifest["files"][0] | {"sha256": "0" * 64})

    edit(made.path("runs/{judge}/gate/manifest.json"), change)


def test_a_file_that_is_listed_twice_is_found(release: Made) -> None:
    _listed_twice(release)
    messages = {finding.message for finding in audit(release.project).findings}
    assert "it lists a file twice" in messages


COMPUTED: dict[str, tuple[Forge, str]] = {
    "accuracy raised": (_raise_accuracy, "evaluate/record.json"),
    "a figure that no item judges": (_raise_an_unjudged_figure, "evaluate/record.json"),
    "an interval narrowed": (_narrow_an_interval, "evaluate/record.json"),
    "metrics.json raised": (_raise_metrics, "evaluate/metrics.json"),
    "an image fewer counted": (_forget_a_class, "data/record.json"),
    "an image moved to the test set": (_move_an_image, "data/record.json"),
    "labels changed to fit": (_relabel_predictions, "evaluate/predictions.npz"),
    "a model said to be smaller": (_smaller_model, "benchmark/record.json"),
    "an export's accuracy": (_better_export, "verify/record.json"),
    "a checkpoint's digest": (_other_weights_recorded, "train/record.json"),
    "an earlier look at the test set": (_earlier_looks_forgotten, "test_ledger.jsonl"),
    "weights in the ledger": (_other_weights_in_the_ledger, "test_ledger.jsonl"),
}


@pytest.mark.parametrize("forgery", COMPUTED)
def test_a_figure_that_its_files_do_not_give_is_found_however_well_the_rest_fits(
    release: Made, forgery: str
) -> None:
    forge, where = COMPUTED[forgery]
    forge(release)
    reseal(release)
    report = audit(release.project)
    assert any(path.endswith(where) for path in named(report)), named(report)


# ---------------------------------------------------------------- found by measuring again


def _write_predictions(
    made: Made, **changes: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
) -> None:
    path = made.path("runs/{maker}/evaluate/predictions.npz")
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays |= {name: change(arrays[name]) for name, change in changes.items()}
    evaluation.write_predictions(path, **arrays)


def _better_answers(made: Made) -> None:
    """Predictions made up, and the record and metrics computed from them."""
    _write_predictions(made, test_logits=lambda logits: logits * np.float32(1.5))
    folder = made.path("runs/{maker}/evaluate")
    facts = read_facts(Run(made.project, made.maker))
    assert facts.data and facts.train and facts.evaluate
    stored = evaluation.read_predictions(folder / "predictions.npz")
    kept = facts.evaluate
    made_up = evaluate_again(stored, facts.config, facts.data, facts.train, kept)
    fields = ("plots", "seconds", "weights_sha256")
    made_up = made_up.model_copy(update={name: getattr(kept, name) for name in fields})
    (folder / "record.json").write_text(pretty_json(made_up.model_dump(mode="json")))
    figures = evaluation.metrics_json(made_up, facts.config.test_set.metrics)
    (folder / "metrics.json").write_text(pretty_json(figures))


def _other_checkpoint(made: Made) -> None:
    """The weights of another training under the name of this one's, recorded everywhere."""
    other = made.path("runs/{earlier}/train/checkpoints/final_model_best.pt")
    best = made.path("runs/{maker}/train/checkpoints/final_model_best.pt")
    old, new = sha256_file(best), sha256_file(other)
    best.unlink()  # it may share its bytes with the last checkpoint
    best.write_bytes(other.read_bytes())
    for path in made.path("runs/{maker}").glob("*/*.json"):
        path.write_text(path.read_text().replace(old, new))


def _no_flips(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["formats"][0]["max_logit_difference"] = 0.0
        record["formats"][0]["golden_max_difference"] = 1.0

    edit(made.path("runs/{maker}/verify/record.json"), change)


def _leakage_kept_quiet(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["card"]["licence"] = "CC0"
        record["duplicate_method"] = "by looking very closely"

    edit(made.path("runs/{maker}/data/record.json"), change)


def _another_picture(made: Made) -> None:
    folder = made.path("runs/{maker}/evaluate")
    content = (folder / "reliability_diagram.png").read_bytes()
    (folder / "confusion_matrix.png").write_bytes(content)


def _code_that_ran(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["code_blocks"][0]["first_line"] = "it ran"

    edit(made.path("runs/{judge}/document/record.json"), change)


MEASURED: dict[str, tuple[Forge, str]] = {
    "predictions made up": (_better_answers, "evaluate/predictions.npz"),
    "a checkpoint swapped": (_other_checkpoint, "evaluate/record.json"),
    "differences of an export": (_no_flips, "verify/record.json"),
    "what was found in the data": (_leakage_kept_quiet, "data/record.json"),
    "a picture of something else": (_another_picture, "evaluate/confusion_matrix.png"),
    "code said to have run": (_code_that_ran, "document/record.json"),
}


TOGETHER = tuple(name for name in MEASURED if name != "a checkpoint swapped")
"""The quick form makes them all at once, but for the one after which nothing else is measured."""


@pytest.mark.parametrize("forgeries", [(name,) for name in MEASURED] if full() else [TOGETHER])
def test_what_no_file_contradicts_is_found_by_measuring_again(
    release: Made, forgeries: tuple[str, ...]
) -> None:
    for name in forgeries:
        MEASURED[name][0](release)
    reseal(release)
    report = release.audit(remeasure=True)
    for name in forgeries:
        assert any(path.endswith(MEASURED[name][1]) for path in named(report)), named(report)


# ---------------------------------------------------------------- found by a signature alone


def _another_history(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        record["epochs"][0]["train_loss"] = 0.001

    edit(made.path("runs/{maker}/train/record.json"), change)
    edit(made.path("runs/{maker}/train/metrics.json"), change)


def _faster(made: Made) -> None:
    def change(record: dict[str, Any]) -> None:
        for format_ in record["formats"]:
            for latency in format_["latencies"]:
                latency["p50_ms"] = 0.001

    edit(made.path("runs/{maker}/benchmark/record.json"), change)


def _another_commit(made: Made) -> None:
    for name in ("runs/{maker}/run.json", "runs/{judge}/run.json"):
        edit(made.path(name), lambda record: record["git"].update(commit="0" * 40))


SIGNED: dict[str, Forge] = {
    "how the training went": _another_history,
    "how fast it is": _faster,
    "the commit": _another_commit,
}


@pytest.mark.parametrize("forgery", SIGNED)
def test_what_cannot_be_measured_again_is_found_by_the_signature_alone(
    release: Made, forgery: str
) -> None:
    SIGNED[forgery](release)
    reseal(release)
    assert audit(release.project).findings == ()
    found = release.audit().findings
    assert [finding.path for finding in found] == ["results/production/provenance.dsse.json"]
