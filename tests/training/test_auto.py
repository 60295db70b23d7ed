"""What is left to the machine is chosen once, and is a choice that exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from seatrial.data import Dataset
from seatrial.errors import ConfigurationError
from seatrial.training import auto, resolve_auto
from seatrial.training.devices import default_threads

OPEN = {"channels_last": "auto", "compile": "auto", "threads": None, "device": "auto"}


def test_nothing_stays_open_and_what_was_set_stays(
    configure: Any, dataset: Dataset, project: Path
) -> None:
    config = configure(training={**OPEN, "epochs": 7})
    resolved = resolve_auto(config, dataset, project=project)
    training = resolved.training
    assert isinstance(training.channels_last, bool)
    assert training.fused_optimizer is True
    assert training.compile is False
    assert training.threads == default_threads(1)
    assert training.device != "auto"
    assert training.epochs == 7
    unchanged = config.model_copy(update={"training": None})
    assert resolved.model_copy(update={"training": None}) == unchanged


def test_a_resolved_configuration_is_never_chosen_anew(
    configure: Any, dataset: Dataset, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved = resolve_auto(configure(training=OPEN), dataset, project=project)

    def measure(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(auto, "_measured", measure)
    assert resolve_auto(resolved, dataset, project=project) == resolved


def test_both_memory_formats_of_a_convolutional_network_are_timed_and_told(
    configure: Any, dataset: Dataset, project: Path
) -> None:
    events: list[dict[str, Any]] = []
    resolved = resolve_auto(
        configure(training={"channels_last": "auto"}), dataset, project=project, emit=events.append
    )
    (event,) = events
    times = event["milliseconds"]
    assert times.keys() == {"plain", "channels_last"}
    assert event["channels_last"] is resolved.training.channels_last
    assert resolved.training.channels_last is (
        times["channels_last"] <= auto._WORTHWHILE * times["plain"]
    )


@pytest.mark.parametrize(
    ("plain", "other", "chosen"), [(1.0, 0.5, "other"), (1.0, 0.99, "plain"), (1.0, 2.0, "plain")]
)
def test_a_form_is_taken_only_where_it_clearly_helps(
    plain: float, other: float, chosen: str
) -> None:
    forms = [auto._Candidate("plain", False, False), auto._Candidate("other", True, False)]
    times = dict(zip(forms, (plain, other), strict=True))
    assert auto._fastest(times, forms[0]).name == chosen


def test_too_little_memory_for_two_forms_takes_the_plain_one(
    configure: Any, dataset: Dataset, project: Path
) -> None:
    config = configure(
        model={"architecture": "small:breaking", "arguments": {"how": "memory"}}, training=OPEN
    )
    assert resolve_auto(config, dataset, project=project).training.channels_last is False


def test_without_data_or_beside_other_processes_nothing_is_timed(
    configure: Any, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = resolve_auto(configure(training=OPEN))
    assert (alone.training.channels_last, alone.training.compile) == (False, False)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.setenv(name, "1")
    beside = resolve_auto(configure(training=OPEN), dataset)
    assert (beside.training.channels_last, beside.training.compile) == (False, False)


def test_an_optimiser_without_a_fused_form_gets_the_plain_one(configure: Any) -> None:
    config = configure(optimizer={"type": "rmsprop"})
    assert resolve_auto(config).training.fused_optimizer is False


def test_processes_share_the_threads(configure: Any) -> None:
    config = configure(training={"threads": None, "devices": 2})
    assert resolve_auto(config).training.threads == default_threads(2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_an_absent_device_or_a_precision_it_lacks_is_a_configuration_error(configure: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"training\.device"):
        resolve_auto(configure(training={"device": "cuda"}))
    with pytest.raises(ConfigurationError, match=r"training\.precision"):
        resolve_auto(configure(training={"precision": "fp16"}))
