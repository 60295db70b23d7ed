"""Claims about what is said of which numbers."""

from __future__ import annotations

import pytest

from factories import healthy_facts, wilson
from seatrial.evidence.facts import Facts
from seatrial.reports.contexts import export_tables
from seatrial.reports.contexts.unproved import not_proved
from seatrial.reports.sentences import exports, results, training


def said_of_target(facts: Facts) -> str:
    assert facts.evaluate is not None
    return " ".join(results.target(facts.evaluate, facts.config.targets))


@pytest.mark.parametrize(
    ("target", "begins", "holds"),
    [
        (None, "No target accuracy is declared", "item 8 of the gate fails"),
        (0.9, "Target met and proved: 97.0 % against a target of 90.0 %", "[94.4, 98.4]"),
        (0.96, "Target met, not proved", "reaches below it"),
        (0.98, "Target missed by 1.0 points", "neither proves nor rules out"),
        (0.995, "Target missed by 2.5 points", "is below it"),
    ],
)
def test_target_is_judged_by_value_and_interval(
    target: float | None, begins: str, holds: str
) -> None:
    text = said_of_target(healthy_facts({"config.targets.test_acc": target}))
    assert text.startswith(begins)
    assert holds in text


def test_undefined_accuracy_reaches_no_target() -> None:
    undefined = {"value": None, "interval": None, "reason": "no images"}
    text = said_of_target(healthy_facts({"evaluate.test.acc": undefined}))
    assert text == "Target 90.0 %: not shown, since test accuracy is undefined: no images."


@pytest.mark.parametrize(
    ("value", "interval", "holds"),
    [
        (0.0, (-0.03, 0.03), "by chance"),
        (0.06, (0.02, 0.1), "beyond the bound of 5.0 points"),
        (-0.06, (-0.1, -0.02), "beyond the bound of 5.0 points in either direction"),
        (0.06, (0.02, 0.1), "validation accuracy is above test accuracy by more than chance"),
        (-0.06, (-0.1, -0.02), "the test set is easier than the validation set"),
    ],
)
def test_gap(value: float, interval: tuple[float, float], holds: str) -> None:
    facts = healthy_facts({"evaluate.gap.value": value, "evaluate.gap.interval": interval})
    assert facts.evaluate is not None
    assert holds in " ".join(results.gap(facts.evaluate, 0.05))


def test_causes_of_a_gap_are_passed_on() -> None:
    facts = healthy_facts({"evaluate.gap.causes": ("tuned on validation",)})
    assert facts.evaluate is not None
    assert "Likely cause: tuned on validation." in results.gap(facts.evaluate, 0.05)


def test_classes_below_the_floor_are_named_with_figure_and_support() -> None:
    facts = healthy_facts({"evaluate.classes.1.f1.value": 0.61, "evaluate.classes.1.support": 12})
    assert facts.evaluate is not None
    text = " ".join(results.classes(facts.evaluate.classes, 0.7))
    assert "1 class is below the floor of F1 0.70: buoy (0.610, n = 12)." in text
    assert "1 class has fewer than 30 test images (buoy)" in text
    assert "Every class" not in text


def test_an_undefined_auc_is_said_and_not_counted() -> None:
    undefined = {"value": None, "interval": None, "reason": "class hull has no positives"}
    facts = healthy_facts({"evaluate.classes.2.auc": undefined, "evaluate.test.auc": undefined})
    assert facts.evaluate is not None
    text = " ".join(results.classes(facts.evaluate.classes, 0.7))
    assert "Class hull: AUC is undefined (class hull has no positives); it is not counted" in text
    assert (
        "test_auc is undefined and not counted as 0: class hull has no positives."
        in results.undefined(facts.evaluate.test)
    )


@pytest.mark.parametrize(
    ("confidence", "holds"),
    [(0.999, "is overconfident"), (0.97, "no more than chance"), (0.8, "is underconfident")],
)
def test_direction_of_miscalibration_needs_more_than_chance(confidence: float, holds: str) -> None:
    changes = {f"evaluate.bins.{i}.count": 0 for i in (10, 13)}
    facts = healthy_facts({**changes, "evaluate.bins.14.confidence": confidence})
    assert facts.evaluate is not None
    assert holds in " ".join(results.calibration(facts.evaluate, None))


@pytest.mark.parametrize(("right", "holds"), [(5, "may be noise"), (0, "not noise alone")])
def test_a_few_images_do_not_prove_a_model_miscalibrated(right: int, holds: str) -> None:
    """Five images at a confidence of 0.83: all right is chance, all wrong is not."""
    facts = healthy_facts(
        {
            **{f"evaluate.bins.{i}.{name}": value for i in (10, 13, 14)
               for name, value in (("count", 0), ("confidence", None), ("accuracy", None))},
            "evaluate.bins.12.count": 5,
            "evaluate.bins.12.confidence": 0.834,
            "evaluate.bins.12.accuracy": right / 5,
            "evaluate.n_test": 5,
            "evaluate.test.ece": {"value": abs(0.834 - right / 5)},
            "evaluate.test.acc": {"value": right / 5, "interval": wilson(right, 5)},
        }
    )  # fmt: skip
    assert facts.evaluate is not None
    text = " ".join(results.calibration(facts.evaluate, None))
    assert holds in text
    assert ("no more than chance" in text) == (right == 5)


def test_calibration_is_compared_with_its_bound_and_its_noise() -> None:
    facts = healthy_facts({"evaluate.test.ece.value": 0.08})
    assert facts.evaluate is not None
    text = " ".join(results.calibration(facts.evaluate, 0.05))
    assert "8.0 %, above the bound of 5.0 %" in text
    assert "not noise alone" in text
    assert "may be noise" in " ".join(results.calibration(healthy_facts().evaluate, 0.05))
    assert "no bound is declared (targets.max_ece)" in " ".join(
        results.calibration(facts.evaluate, None)
    )


def test_mistakes_that_a_threshold_would_not_catch_are_counted() -> None:
    facts = healthy_facts()
    assert facts.evaluate is not None
    text = " ".join(results.mistakes(facts.evaluate))
    assert "9 of 300 test images are answered wrongly (3.0 %)." in text
    assert "2 of the 9 mistakes listed have a confidence of 90 % or more" in text
    assert "5 of 9 mistakes are images of buoy." in text


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        (
            {"export.artifacts.2.status": "rejected", "export.artifacts.2.reason": "4 points lost"},
            "ONNX int8 is not published: 4 points lost.",
        ),
        (
            {"export.artifacts.1.status": "failed", "export.artifacts.1.reason": "no kernel"},
            "ONNX fp16 failed to export: no kernel.",
        ),
        (
            {f"export.artifacts.{i}.status": "failed" for i in range(5)},
            "No format was exported: this model cannot be deployed from this release.",
        ),
    ],
)
def test_formats_that_are_not_there_say_why(changes: dict[str, object], holds: str) -> None:
    facts = healthy_facts(changes)
    assert facts.export is not None
    assert holds in exports.artifacts(facts.export)


def test_no_int8_is_said_where_none_was_asked_for() -> None:
    facts = healthy_facts()
    assert facts.export is not None
    asked = tuple(a for a in facts.export.artifacts if a.format != "onnx_int8")
    export = facts.export.model_copy(update={"artifacts": asked, "trials": ()})
    assert "No int8 file was asked for." in exports.artifacts(export)


def test_settings_that_were_not_tried_are_counted_and_not_listed() -> None:
    facts = healthy_facts()
    assert facts.export is not None
    trial = facts.export.trials[0].model_copy(update={"chosen": False, "skipped": "no use"})
    export = facts.export.model_copy(update={"trials": (*facts.export.trials, trial, trial)})
    facts = facts.model_copy(update={"export": export})
    assert len(export_tables.trials_table(facts)["rows"]) == 1
    assert export_tables.skipped_note(facts) == ["2 settings not tried: no use."]


def test_a_measurement_on_a_busy_machine_is_called_so() -> None:
    facts = healthy_facts({"benchmark.load_average": 7.9})
    assert "The machine was busy: load average 7.90 on 2 cores." in " ".join(
        export_tables.measuring_conditions(facts)
    )
    assert not any("busy" in line for line in export_tables.measuring_conditions(healthy_facts()))


def test_pairs_confused_once_are_not_called_most_confused() -> None:
    pair = {"true": "buoy", "predicted": "hull", "count": 1, "share_of_true": 0.01}
    facts = healthy_facts({"evaluate.confusions": (pair,)})
    assert facts.evaluate is not None
    text = " ".join(results.mistakes(facts.evaluate))
    assert "No pair of classes is confused more than once." in text
    assert "Most confused" not in text


@pytest.mark.parametrize(
    ("speedup", "holds"),
    [
        (0.93, "ONNX int8 is slower than fp32 on this machine at batch 1 (0.93× its speed)"),
        (2.9, "ONNX int8 runs at 2.90× the speed of fp32 on this machine at batch 1"),
    ],
)
def test_int8_is_compared_with_fp32(speedup: float, holds: str) -> None:
    facts = healthy_facts({"benchmark.formats.2.speedup": speedup})
    assert facts.benchmark is not None
    assert any(line.startswith(holds) for line in exports.speed(facts.benchmark))


def test_flips_and_failed_verification_are_said() -> None:
    facts = healthy_facts(
        {"verify.formats.0.passed": False, "verify.formats.0.reason": "signal 11"}
    )
    assert facts.verify is not None
    lines = exports.verification(facts.verify)
    assert lines[0] == "ONNX fp32 failed verification: signal 11."
    assert lines[2].startswith("ONNX int8 decides otherwise on 1 of 300 test images;")


def test_a_configuration_given_by_hand_has_no_voucher() -> None:
    facts = healthy_facts({"run.vouched_by": None})
    assert training.vouching(facts.run).startswith("No earlier gate vouches for this configuration")
    assert any("No earlier gate vouches" in line for line in not_proved(facts))


def test_training_says_how_it_ended_and_what_was_noticed() -> None:
    diagnosis = {"kind": "stalled", "critical": True, "epoch": 4, "message": "loss unchanged"}
    facts = healthy_facts({"train.diagnoses": (diagnosis,), "train.resumed_at_epochs": (3,)})
    assert facts.train is not None
    text = " ".join(training.outcome(facts.train, facts.run))
    assert "by early stopping, after 12 epochs of 100 planned" in text
    assert "Diagnosis in epoch 4 (critical): loss unchanged" in text
    assert "resumed at epoch 3" in text
    assert "No divergence" not in text


def test_a_best_epoch_that_is_the_last_asks_for_longer_training() -> None:
    facts = healthy_facts({"train.stopped": "last_epoch", "train.best_epoch": 12})
    assert facts.train is not None
    assert "training longer may still improve it" in " ".join(
        training.outcome(facts.train, facts.run)
    )


def test_leaks_are_named_and_their_meaning_said() -> None:
    pair = {
        "first": "train/1.png", "second": "test/9.png", "first_split": "train",
        "second_split": "test", "first_label": "buoy", "second_label": "buoy",
        "kind": "near", "distance": 1,
    }  # fmt: skip
    facts = healthy_facts(
        {
            "data.leakage": (pair,) * 30,
            "data.leakage_total": 1200,
            "data.plots": ("samples.png", "leakage.png"),
        }
    )
    assert facts.data is not None
    text = " ".join(training.data(facts.data))
    assert "Leakage: 1,200 pairs" in text
    assert "is not accuracy on new ones" in text
    assert "Leak, near: train/1.png (train) and test/9.png (test)." in text
    assert text.count("Leak, near") == 20
    assert "1,180 more are in record.json" in text
    assert "drawn in results/production/leakage.png" in text
    assert any("unseen images: 1,200 pairs" in line for line in not_proved(facts))


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({"run.git.dirty": ("train.py",)}, "1 changed file when the run began (train.py)"),
        ({"run.git.commit": None, "run.git.reason": "no git"}, "No commit is recorded: no git."),
        ({"evaluate.ledger_count": 7}, "The test set was used before: 7 pairs"),
        ({"config.targets.max_ece": None}, "No bound is declared for targets.max_ece"),
        ({"data.card.consent": "not stated"}, "Not stated of the data: consent."),
        ({"benchmark": None}, "Latency and memory are not measured"),
        ({"verify": None}, "It is not verified"),
        ({"evaluate.classes.0.support": 9}, "Little is known of the classes anchor"),
    ],
)
def test_what_is_not_proved_is_listed(changes: dict[str, object], holds: str) -> None:
    assert holds in " ".join(not_proved(healthy_facts(changes)))
