"""Every format answers as the model does, says what it needs, and says nothing of the machine."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from digits_release import Digits, Release, network, release
from seatrial.errors import InputError
from seatrial.evidence.records import ModelMetadata
from seatrial.files import sha256_file
from seatrial.onnx_sessions import open_session, read_metadata
from seatrial.parity.runtimes import model_input, open_export

FORMATS = ("onnx", "onnx_fp16", "torchscript", "torch_export", "onnx_int8")
FLOAT32 = ("onnx", "torchscript", "torch_export")


def reference(model: nn.Module, dataset: Digits, count: int = 20) -> np.ndarray:
    from seatrial.preprocessing import normalise

    pixels = dataset.pixels(np.arange(1300, 1300 + count))
    with torch.no_grad():
        return model(torch.from_numpy(normalise(pixels, dataset.spec))).numpy()


def test_every_format_is_exported_with_its_size_and_digest(plain: Release) -> None:
    assert [one.format for one in plain.record.artifacts] == list(FORMATS)
    for one in plain.record.artifacts:
        assert one.status == "exported", one.reason
        path = plain.path(one.format)
        assert one.sha256 == sha256_file(path)
        assert one.size_bytes == path.stat().st_size
        assert (one.opset == 20) == path.name.endswith(".onnx")


@pytest.mark.parametrize("kind", FLOAT32)
@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_float32_formats_answer_as_the_model_at_any_batch(
    plain: Release, model: nn.Module, dataset: Digits, kind: str, count: int
) -> None:
    opened = open_export(plain.path(kind), kind, 1)  # type: ignore[arg-type]
    pixels = dataset.pixels(np.arange(1300, 1300 + count))
    answer = opened.logits(model_input(pixels, opened.metadata))
    np.testing.assert_allclose(answer, reference(model, dataset, count), atol=1e-4)


@pytest.mark.parametrize("kind", FORMATS)
def test_metadata_in_the_file_and_beside_it_are_the_same_and_whole(
    plain: Release, dataset: Digits, kind: str
) -> None:
    path = plain.path(kind)
    inside = open_export(path, kind, 1).metadata  # type: ignore[arg-type]
    beside = ModelMetadata.model_validate_json(path.with_name(path.name + ".json").read_text())
    assert inside == beside
    assert inside.format == kind
    assert inside.preprocessing == dataset.spec
    assert inside.classes == tuple(dataset.classes)
    assert (inside.name, inside.colour_order) == ("digits", "grey")
    assert inside.checkpoint_sha256 == "0" * 64


@pytest.mark.parametrize("kind", FORMATS)
def test_embedded_preprocessing_takes_pixels_and_gives_the_models_probabilities(
    embedded: Release, model: nn.Module, dataset: Digits, kind: str
) -> None:
    opened = open_export(embedded.path(kind), kind, 1)  # type: ignore[arg-type]
    assert opened.metadata.embedded_preprocessing
    assert opened.metadata.output == "probabilities"
    pixels = dataset.pixels(np.arange(1300, 1320))
    answer = opened.run(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32))
    wanted = torch.softmax(torch.from_numpy(reference(model, dataset)), dim=1).numpy()
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(answer, wanted, atol=1e-5 if kind in FLOAT32 else 0.1)


def test_three_channels_are_normalised_each_by_its_own_mean(
    three_channels: Digits, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    colour = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)).eval()
    made = {
        embed: release(
            colour, three_channels, tmp_path / str(embed), embed=embed, formats=("onnx",)
        )
        for embed in (False, True)
    }
    pixels = three_channels.pixels(np.arange(5))
    answers = [
        opened.logits(model_input(pixels, opened.metadata))
        for opened in (open_export(one.path("onnx"), "onnx", 1) for one in made.values())
    ]
    shifts = answers[0] - answers[1]
    np.testing.assert_allclose(shifts, shifts[:, :1].repeat(10, axis=1), atol=1e-4)


def parts(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file's bytes, or those of every member of an archive, and of archives within it."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield f"name of {name}", name.encode()
                for inner, data in parts(archive.read(name)):
                    yield f"{name}/{inner}", data
    else:
        yield "", content


@pytest.mark.parametrize("embed", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
def test_no_file_tells_where_it_was_made(
    plain: Release, embedded: Release, kind: str, embed: bool
) -> None:
    path = (embedded if embed else plain).path(kind)
    forbidden = {
        str(Path.cwd()): "the current folder",
        str(path.parent): "the output folder",
        "site-packages": "the installation",
        ".py": "a source file",
        "stack_trace": "a stack trace",
        'File \\"': "a stack trace",
        ".debug_pkl": "debug information",
        "production_model": "the file's own name",
    }
    for name, content in parts(path.read_bytes()):
        # TorchScript keeps its program in members that it calls .py: they are not of this machine.
        own_code = name.startswith("name of archive/code/__torch__/")
        for text, meaning in forbidden.items():
            if not (own_code and text == ".py"):
                assert text.encode() not in content, f"{name} holds {meaning}"


def test_the_check_for_traces_would_find_them(model: nn.Module, tmp_path: Path) -> None:
    example = torch.zeros(2, 1, 8, 8)
    path = tmp_path / "raw.pt"
    with torch.no_grad():
        torch.jit.trace(model, example).save(str(path))  # type: ignore[no-untyped-call]
    found = b"\n".join(content for _, content in parts(path.read_bytes()))
    assert b".debug_pkl" in found
    assert b"site-packages" in found


@pytest.mark.parametrize("kind", ["onnx", "onnx_fp16", "onnx_int8"])
def test_onnx_files_are_whole_checked_and_dynamic(plain: Release, kind: str) -> None:
    path = plain.path(kind)
    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)
    assert [path.name] == [p.name for p in path.parent.glob(path.name + "*") if p.suffix != ".json"]
    assert graph.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch_size"
    assert [one.key for one in graph.metadata_props] == ["seatrial"]
    assert not any(node.metadata_props or node.doc_string for node in graph.graph.node)
    used = {node.domain for node in graph.graph.node} | {""}
    assert {one.domain for one in graph.opset_import} <= used


def test_float16_is_about_half_the_size_and_int8_has_quantized_weights(plain: Release) -> None:
    half = onnx.load(plain.path("onnx_fp16"))
    kinds = {tensor.data_type for tensor in half.graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds
    assert half.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert half.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    small = onnx.load(plain.path("onnx_int8"))
    assert onnx.TensorProto.INT8 in {tensor.data_type for tensor in small.graph.initializer}


def test_the_model_itself_is_not_changed(model: nn.Module, dataset: Digits, tmp_path: Path) -> None:
    twin = network()
    twin.load_state_dict(model.state_dict())
    twin.train()
    before = {name: value.clone() for name, value in twin.state_dict().items()}
    release(twin, dataset, tmp_path, embed=True, formats=("onnx", "torch_export", "torchscript"))
    assert twin.training
    assert all(parameter.requires_grad for parameter in twin.parameters())
    assert all(torch.equal(value, before[name]) for name, value in twin.state_dict().items())


class Branching(nn.Module):
    """Control flow on values, which no graph can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear(images.flatten(1))
        return logits * 2 if logits.sum().item() > 0 else logits


def test_a_format_that_cannot_be_made_is_named_and_the_others_are_made(
    dataset: Digits, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = release(Branching().eval(), dataset, tmp_path, formats=("onnx", "torchscript"))
    onnx_one, script = made.record.artifacts
    assert onnx_one.status == "failed"
    assert onnx_one.reason
    assert "\n" not in onnx_one.reason
    assert onnx_one.path is None
    assert script.status == "exported"
    assert [event["status"] for event in made.events if event["event"] == "export"] == [
        "failed",
        "exported",
    ]
    assert capfd.readouterr().out == ""


def test_a_channels_last_float64_model_is_exported_as_plain_float32(
    model: nn.Module, dataset: Digits, tmp_path: Path
) -> None:
    twin = network()
    twin.load_state_dict(model.state_dict())
    twin = twin.eval().double().to(memory_format=torch.channels_last)
    made = release(twin, dataset, tmp_path, formats=("onnx",))
    session = open_session(made.path("onnx"))
    assert read_metadata(session).output == "logits"
    inputs = model_input(dataset.pixels(np.arange(1300, 1320)), read_metadata(session))
    answer = session.run(None, {"input": inputs})[0]
    np.testing.assert_allclose(answer, reference(model, dataset), atol=1e-4)


class Scaled(nn.Module):
    """A linear model whose weights are multiplied, as from a training that went astray."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        with torch.no_grad():
            self.linear.weight.mul_(factor)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear(images.flatten(1))
        return logits


@pytest.mark.parametrize(("factor", "reason"), [(1e7, "65504"), (float("nan"), "not finite")])
def test_what_float16_cannot_hold_is_a_failed_artifact_not_a_bad_file(
    dataset: Digits, tmp_path: Path, factor: float, reason: str
) -> None:
    made = release(Scaled(factor).eval(), dataset, tmp_path, formats=("onnx_fp16",))
    (half,) = made.record.artifacts
    assert half.status == "failed"
    assert half.reason is not None
    assert reason in half.reason
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_without_images_is_refused(dataset: Digits, tmp_path: Path) -> None:
    nothing = replace(dataset, sizes=(0, 0, 0))
    with pytest.raises(InputError, match="at least one image"):
        release(network().eval(), nothing, tmp_path)


_AGAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from digits_release import digits, network, release
import torch
torch.set_num_threads(1)
torch.manual_seed(0)
release(network().eval(), digits(), Path(sys.argv[2]), formats=sys.argv[3:])
"""


def test_a_fresh_process_gives_identical_bytes(dataset: Digits, tmp_path: Path) -> None:
    """TorchScript against another fresh process, the others against this one."""
    here, first, second = tmp_path / "here", tmp_path / "first", tmp_path / "elsewhere" / "second"
    tests, kinds = str(Path(__file__).parents[1]), ("onnx", "torch_export", "torchscript")
    running = [
        subprocess.Popen([sys.executable, "-c", _AGAIN, tests, str(first), *kinds]),
        subprocess.Popen([sys.executable, "-c", _AGAIN, tests, str(second), "torchscript"]),
    ]
    torch.manual_seed(0)
    release(network().eval(), dataset, here, formats=("onnx", "torch_export"))
    assert [process.wait() for process in running] == [0, 0]
    made = {path.name: sha256_file(path) for path in first.iterdir()}
    assert len(made) == 6
    for path in (*here.iterdir(), *second.iterdir()):
        assert made[path.name] == sha256_file(path), path


def test_onnx_and_torch_export_give_identical_bytes_in_one_process_too(
    plain: Release, model: nn.Module, dataset: Digits, tmp_path: Path
) -> None:
    kinds = ("onnx", "onnx_fp16", "torch_export")
    again = release(model, dataset, tmp_path, formats=kinds)
    for kind in kinds:
        assert again.path(kind).read_bytes() == plain.path(kind).read_bytes()


def test_the_metadata_beside_the_file_is_plain_json(plain: Release) -> None:
    beside = json.loads((plain.folder / "production_model.onnx.json").read_text())
    assert beside["preprocessing"]["mean"] == [0.3]
    assert beside["schema_version"] == 1


def test_onnxruntime_alone_runs_the_file(plain: Release, dataset: Digits) -> None:
    session = onnxruntime.InferenceSession(
        str(plain.path("onnx")), providers=["CPUExecutionProvider"]
    )
    (output,) = session.run(["output"], {"input": np.zeros((3, 1, 8, 8), np.float32)})
    assert output.shape == (3, len(dataset.classes))
