"""Configurations: what is read, and that every problem is reported at once with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.config import strict_yaml
from seatrial.config.load import check, load, merged, parse_overrides
from seatrial.errors import ConfigurationError, InputError, SeatrialError

VALID = "model: {architecture: ResNet18}\ndata: {source: digits}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(write(folder, text), overrides)
    return caught.value.problems


def test_a_minimal_file_gets_every_documented_section(tmp_path: Path) -> None:
    config = load(write(tmp_path, VALID))
    assert config.targets.max_val_test_gap == 0.05
    assert config.targets.min_class_f1 == 0.7
    assert config.targets.test_acc is None
    assert config.training.epochs == 100


@pytest.mark.parametrize("name", ["ResNet18", "resnet18", " RESNET18 "])
def test_architectures_are_read_in_any_case(tmp_path: Path, name: str) -> None:
    config = load(write(tmp_path, VALID), [f"model.architecture={name.strip()}"])
    assert config.model.architecture == "resnet18"


def test_a_users_own_function_keeps_its_case(tmp_path: Path) -> None:
    config = load(write(tmp_path, VALID), ["model.architecture=My.Nets:Tiny"])
    assert config.model.architecture == "My.Nets:Tiny"


@pytest.mark.parametrize("written", ["1e-3", "1.0e-3", "0.001", ".001", "1E-3"])
def test_numbers_are_read_in_every_notation(tmp_path: Path, written: str) -> None:
    in_file = load(write(tmp_path, VALID + f"optimizer: {{learning_rate: {written}}}\n"))
    override = load(write(tmp_path, VALID), [f"optimizer.learning_rate={written}"])
    assert in_file.optimizer.learning_rate == override.optimizer.learning_rate == 0.001


def test_every_problem_is_reported_together_with_its_line(tmp_path: Path) -> None:
    text = (
        "model: {architecture: resnet18, drpout: 0.2}\n"
        "data: {source: folder, image_size: 32, mean: [0.5], std: [0.5]}\n"
        "optimizer: {learning_rate: fast}\n"
        "training:\n  epochs: true\n  batch_size: 0\n"
        "early_stopping: {metric: val_luck}\n"
        "data_augmentation: {transforms: [{random_crop: [28, 28]}]}\n"
    )
    found = "\n".join(problems(tmp_path, text, "targets.test_acc=2"))
    for expected in (
        "config.yaml:1: model.drpout: unknown key; did you mean dropout?",
        "config.yaml:2: data.root: required with source: folder",
        "config.yaml:2: data.mean: expected one value a channel (3), found 1",
        "config.yaml:3: optimizer.learning_rate: expected a valid number, found 'fast'",
        "config.yaml:5: training.epochs: expected a valid integer, found True",
        "config.yaml:6: training.batch_size: expected a value greater than or equal to 1, found 0",
        "config.yaml:7: early_stopping.metric: expected one of val_loss",
        "config.yaml:8: data_augmentation.transforms.0.random_crop: expected data.image_size",
        "targets.test_acc: expected a value less than or equal to 1, found 2",
    ):
        assert expected in found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2\n", "stands here twice"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("a: [1\n", "not valid YAML"),
        ("a: {" * 60 + "}" * 60, "nested more than 40 deep"),
        ("[" * 5000, "not valid YAML"),
        ("1: 2\n", "a key must be text"),
        ("a: !!timestamp 2026-99-99\n", "could not determine a constructor"),
        ("- 1\n", "expected sections"),
        ("just text\n", "expected sections"),
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("a: \x00\n", "not valid YAML"),
    ],
)
def test_malformed_or_hostile_yaml_is_refused_in_one_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    (problem,) = problems(tmp_path, text)
    assert reason in problem
    assert "\n" not in problem


def test_a_file_that_is_not_text_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load(path)
    path.write_bytes(b"#" * (strict_yaml.MAX_BYTES + 1))
    with pytest.raises(ConfigurationError, match="at most"):
        load(path)


def test_a_missing_file_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: required"):
        load(tmp_path / "absent.yaml")


@pytest.mark.parametrize("text", ["epochs", "=5", "--epochs=5", ".a=1"])
def test_an_override_without_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected an override"):
        parse_overrides([text])


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("training.precision=fp16", "training.precision"),
        ("scheduler.warmup_epochs=100", "scheduler.warmup_epochs"),
        ("checkpointing.save_best=false", "checkpointing.save_best"),
        ("checkpointing.output_dir=../elsewhere", "checkpointing.output_dir"),
        ("checkpointing.output_dir=/tmp/x", "checkpointing.output_dir"),
        ("export.formats=[]", "export.formats"),
        ("export.formats=[torchscript]", "export.quantization"),
        ("benchmark.batch_sizes=[8]", "benchmark.batch_sizes"),
        ("data.fractions={train: 0.5, val: 0.1, test: 0.1}", "data.fractions"),
        ("optimizer.nesterov=true", "optimizer.nesterov"),
        ("data.source=torchvision", "data.dataset"),
        ("data.mean=[0.1, 0.2, 0.3]", "data.mean"),
    ],
)
def test_values_that_cannot_stand_together_are_refused(
    tmp_path: Path, override: str, path: str
) -> None:
    text = VALID + "training: {device: cpu}\noptimizer: {momentum: 0.0}\n"
    found = problems(tmp_path, text, override)
    assert any(f"{path}: " in problem for problem in found)


def test_a_resolved_configuration_reads_back_as_itself(tmp_path: Path) -> None:
    overrides = [
        "data_augmentation.transforms=[{random_crop: [8, 8]}, {horizontal_flip: {p: 0.3}}]",
        "waivers=[{item: 3, reason: r, by: b, until: 2027-01-01}]",
        "loss.class_weights=[1.0, 2.5]",
    ]
    config = load(write(tmp_path, VALID), overrides)
    text = strict_yaml.dump(config.model_dump(mode="json"))
    assert load(write(tmp_path, text)) == config


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["model", "data", "training", "waivers", "x"]), plain))
def test_any_plain_data_gives_a_configuration_or_a_problem(raw: dict[str, Any]) -> None:
    try:
        check(raw, "generated")
    except ConfigurationError as error:
        assert error.problems


@given(st.text(max_size=200))
def test_any_text_gives_data_or_a_documented_error(text: str) -> None:
    try:
        strict_yaml.parse(text, "generated")
    except SeatrialError as error:
        assert "\n" not in str(error)


@given(plain)
def test_what_is_dumped_reads_back(value: Any) -> None:
    back, _ = strict_yaml.parse(strict_yaml.dump({"v": value}), "dumped")
    assert repr(back["v"]) == repr(value)


def test_merging_keeps_what_is_not_named() -> None:
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}) == {"a": {"b": 3, "c": 2}}
