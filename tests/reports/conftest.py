"""A small real model, exported by hand, laid out as published; and a gate's verdicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from factories import CLASSES, FILE_OF_FORMAT, healthy_facts
from seatrial.evidence.facts import Facts
from seatrial.evidence.records import GateRecord, ModelMetadata, Preprocessing
from seatrial.files import pretty_json, sha256_file


@dataclass(frozen=True)
class Release:
    """A folder laid out as published, and facts that describe its files."""

    folder: Path
    facts: Facts

    @property
    def onnx(self) -> Path:
        return self.folder / "models/production_model.onnx"


def weights(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """A linear head on the mean of each channel and of its upper left quarter: it tells apart
    colours, brightness, and images upside down."""
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(len(CLASSES), 2 * channels)).astype(np.float32),
        rng.normal(size=len(CLASSES)).astype(np.float32),
    )


def write_onnx(path: Path, metadata: ModelMetadata) -> None:
    """The model as ONNX; with embedded preprocessing it normalises and ends in a softmax."""
    spec = metadata.preprocessing
    matrix, bias = weights(spec.channels)
    tensors = {
        "matrix": matrix.T,
        "bias": bias,
        "starts": np.array([0, 0], dtype=np.int64),
        "ends": np.array([spec.height // 2, spec.width // 2], dtype=np.int64),
        "axes": np.array([2, 3], dtype=np.int64),
        "mean": np.array(spec.mean, dtype=np.float32).reshape(1, -1, 1, 1),
        "std": np.array(spec.std, dtype=np.float32).reshape(1, -1, 1, 1),
        "scale": np.array(255, dtype=np.float32),
    }
    before = [
        helper.make_node("Div", ["input", "scale"], ["unit"]),
        helper.make_node("Sub", ["unit", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["image"]),
    ]
    embedded = metadata.embedded_preprocessing
    image, logits = ("image", "logits") if embedded else ("input", "output")
    nodes = [
        *(before if embedded else []),
        helper.make_node("GlobalAveragePool", [image], ["whole"]),
        helper.make_node("Slice", [image, "starts", "ends", "axes"], ["corner"]),
        helper.make_node("GlobalAveragePool", ["corner"], ["part"]),
        helper.make_node("Concat", ["whole", "part"], ["both"], axis=1),
        helper.make_node("Flatten", ["both"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix", "bias"], [logits]),
        *([helper.make_node("Softmax", ["logits"], ["output"], axis=1)] if embedded else []),
    ]
    shape = ["batch_size", spec.channels, spec.height, spec.width]
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", len(CLASSES)])],
        [onnx.numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {"seatrial": metadata.model_dump_json()})
    onnx.save(model, str(path))


def metadata_of(spec: Preprocessing, format_: str, *, embedded: bool = False) -> ModelMetadata:
    return ModelMetadata.model_validate(
        {
            "name": "harbour",
            "classes": CLASSES,
            "preprocessing": spec.model_dump(),
            "embedded_preprocessing": embedded,
            "output": "probabilities" if embedded else "logits",
            "format": format_,
            "colour_order": "grey" if spec.channels == 1 else "RGB",
            "checkpoint_sha256": "0" * 64,
        }
    )


def only(formats: tuple[str, ...]) -> dict[str, object]:
    """Changes to healthy facts that leave only these formats exported."""
    facts = healthy_facts()
    assert facts.export is not None
    return {
        f"export.artifacts.{index}.{field}": value
        for index, artifact in enumerate(facts.export.artifacts)
        if artifact.format not in formats
        for field, value in (("status", "failed"), ("path", None), ("reason", "not asked for"))
    }


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., Release]:
    """Lays out a release with one ONNX file; ``spec`` changes the preprocessing."""

    def make(*, embedded: bool = False, **spec: object) -> Release:
        plain = healthy_facts().data.preprocessing.model_dump() | spec  # type: ignore[union-attr]
        if plain["channels"] == 1:
            plain |= {"mean": (0.4,), "std": (0.3,)}
        preprocessing = Preprocessing.model_validate(plain)
        models = tmp_path / "models"
        models.mkdir()
        path = models / FILE_OF_FORMAT["onnx"]
        metadata = metadata_of(preprocessing, "onnx", embedded=embedded)
        write_onnx(path, metadata)
        Path(f"{path}.json").write_text(pretty_json(metadata.model_dump(mode="json")))
        rng = np.random.default_rng(1)
        pixels = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(models / "sample.png")
        facts = healthy_facts(
            {
                **only(("onnx",)),
                "export.artifacts.0.sha256": sha256_file(path),
                "export.embedded_preprocessing": embedded,
                "data.preprocessing": preprocessing.model_dump(),
            }
        )
        return Release(tmp_path, facts)

    return make


@pytest.fixture
def gate() -> Callable[..., GateRecord]:
    """Verdicts on three items of which the last fails; ``changes`` are to that item."""

    def make(**changes: object) -> GateRecord:
        evidence = [{"path": "runs/r/evaluate/record.json", "sha256": "ab" * 32}]
        passing = {
            "verdict": "PASS",
            "reason": "as required",
            "measured": "97.0 %",
            "bound": "90.0 %",
            "evidence": evidence,
            "remedy": "none",
        }
        failing = {
            "id": 24,
            "title": "approval",
            "verdict": "FAIL",
            "reason": "no approval recorded",
            "measured": None,
            "bound": None,
            "evidence": [],
            "remedy": "seatrial approve --role technical",
        }
        items = [
            {"id": 1, "title": "training complete", **passing},
            {"id": 8, "title": "target met", **passing},
            {**failing, **changes},
        ]
        passed = all(item["verdict"] == "PASS" or item.get("waiver") for item in items)
        return GateRecord.model_validate(
            {
                "checklist": "production_ready",
                "run": "20261120T140000Z-finalize-3f9c",
                "release_digest": "cd" * 32,
                "passed": passed,
                "decision": "ready" if passed else "not ready: 2 of 3 items pass",
                "items": items,
            }
        )

    return make
