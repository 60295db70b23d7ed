"""The checks of the pages can say no."""

from __future__ import annotations

import pytest

from docs import pages

PAGE = """# A page

Text with `seatrial gate` and `training.epochs`.

    seatrial finalize --config a.yaml   # a comment

```sh
cd demo && SEATRIAL_PYTHON=python seatrial predict \\
    --model m.onnx --input a.png > out.json
torchrun --nproc-per-node 2 -m seatrial train --config a.yaml
```

```console
$ python -m seatrial.cli.load_test --model m.onnx
seatrial is not a command here
```
"""


def test_every_command_of_a_page_is_found_and_nothing_else() -> None:
    found = [words for block in pages.blocks(PAGE) for words in pages.commands(block)]
    assert [arguments for words in found if (arguments := pages.arguments_of_seatrial(words))] == [
        ["predict", "--model", "m.onnx", "--input", "a.png"],
        ["train", "--config", "a.yaml"],
        ["load-test", "--model", "m.onnx"],
        ["finalize", "--config", "a.yaml"],
    ]
    assert pages.spans(PAGE) == ["seatrial gate", "training.epochs"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("finalise", "no command finalise"),
        ("finalize --exportonly", "No such option"),
        ("predict --input a.png", "--model"),
        ("export --format tflite", "tflite"),
        ("load-test --model m --num-requests many", "many"),
        ("finalize training.epoch=5", "did you mean epochs"),
        ("config check", "FILE"),
        ("config checks a.yaml", "checks"),
        ("gate one two", "two"),
    ],
)
def test_a_wrong_command_line_is_refused(line: str, words: str) -> None:
    assert words in (pages.problem(line.split()) or "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modle: {architecture: resnet18}\n", "modle"),
        ("training: {epochs: many}\n", "training.epochs"),
        ("data: {source: csv, root: null}\n", "data.root"),
    ],
)
def test_a_wrong_configuration_is_refused(text: str, words: str) -> None:
    assert words in (pages.configuration_problem(text) or "")


def test_keys_of_sections_in_unions_and_lists_are_known() -> None:
    known = set(pages.keys())
    assert {"data.fractions.val", "waivers.until", "export.quantization.dtype"} <= known
    assert "data.fraction" not in known
