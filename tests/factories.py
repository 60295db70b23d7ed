"""Builders of complete, plausible facts of a run, healthy unless told otherwise.

``healthy_facts()`` gives facts alone, ``healthy_project(tmp_path)`` the files as well, with true
digests. Both take changes by dotted path, applied before digests are made::

    healthy_facts({"evaluate.test.acc.value": 0.5, "verify.formats.0.passed": False})
    healthy_facts({"benchmark": None})          # the step has not run
"""

from __future__ import annotations

import functools
import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from seatrial.config import strict_yaml
from seatrial.config.schema import Config
from seatrial.evidence.facts import Facts, StepFacts
from seatrial.evidence.known_issues import KNOWN_ISSUES
from seatrial.evidence.reading import RECORD_TYPES, release_digest
from seatrial.evidence.records import FileDigest, Manifest, ModelMetadata, Record, RunReference
from seatrial.files import pretty_json, sha256_bytes
from seatrial.provenance import STATEMENT, statement, to_json_bytes

RUN_ID = "20261120T140000Z-finalize-3f9c"
CLASSES = ("anchor", "buoy", "hull")
CONFUSION = ((97, 2, 1), (3, 95, 2), (0, 1, 99))
FILE_OF_FORMAT = {
    "onnx": "production_model.onnx",
    "onnx_fp16": "production_model_fp16.onnx",
    "onnx_int8": "production_model_quantized.onnx",
    "torchscript": "production_model.pt",
    "torch_export": "production_model.pt2",
}
SECTIONS = {
    "results/production/test_results.md": ("Overall", "Per class", "Failure analysis"),
    "docs/deployment_guide.md": ("Overview", "Inference", "Troubleshooting"),
    "docs/model_card.md": ("Intended use", "Limits"),
    "docs/monitoring_guide.md": ("Thresholds", "What to do"),
}

R = TypeVar("R", bound=Record)


def changed(record: R, path: str, value: object) -> R:
    """A validated copy of ``record`` with the field at a dotted path set to ``value``.

    ``evaluate.test.acc.value`` goes through fields, dictionary keys and tuple positions.
    """
    plain = record.model_dump()
    place: object = plain
    *way, last = path.split(".")
    for name in way:
        place = _step_into(place, name)
    if isinstance(place, list):
        place[int(last)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise KeyError(f"{path}: {place!r} has no fields")
    return type(record).model_validate(plain)


def _step_into(place: object, name: str) -> object:
    """One step down; a tuple on the way is made a list in place so that it can be changed."""
    if isinstance(place, (list, tuple)):
        child: object = place[int(name)]
        key: int | str = int(name)
    elif isinstance(place, dict):
        child, key = place[name], name
    else:
        raise KeyError(f"{name}: {place!r} has no fields")
    if isinstance(child, tuple):
        child = list(child)
        place[key] = child  # type: ignore[index]
    return child


# ---------------------------------------------------------------- statistics


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a proportion."""
    z = 1.959963984540054
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def _rate(successes: int, n: int) -> dict[str, object]:
    return {"value": successes / n, "interval": wilson(successes, n)}


def _about(value: float, half: float) -> dict[str, object]:
    return {"value": value, "interval": (value - half, value + half)}


# ---------------------------------------------------------------- files, small but real


@functools.cache
def png(shade: int = 128) -> bytes:
    """A PNG of 16 × 16 pixels."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, shade, shade)).save(stream, "PNG")
    return stream.getvalue()


def _archive(entries: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def checkpoint_bytes(marker: str) -> bytes:
    """A file of the form of a torch checkpoint: an ordered dictionary, empty, and ``marker``."""
    program = b"\x80\x02ccollections\nOrderedDict\n)R."
    return _archive(
        {"archive/data.pkl": program, "archive/version": b"3\n", "archive/marker": marker.encode()}
    )


def _program_bytes(marker: str) -> bytes:
    """A file of the form of an exported program: a graph of nothing, and ``marker``."""
    return _archive({"archive/models/model.json": b"{}", "archive/extra/marker": marker.encode()})


@functools.cache
def _onnx_bytes(metadata: str) -> bytes:
    """A linear classifier of 32 × 32 pixels as ONNX, with names and metadata as we export."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    n_inputs = 3 * 32 * 32
    weights = np.random.default_rng(0).normal(0, 0.01, (n_inputs, len(CLASSES)))
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weight", "bias"], ["output"]),
        ],
        "harbour",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch_size", 3, 32, 32])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", len(CLASSES)])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "weight"),
            numpy_helper.from_array(np.zeros(len(CLASSES), dtype=np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {"seatrial": metadata})
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


CONFIDENCES = {0.7: (7, 3), 0.9: (28, 2), 0.9754: (256, 4)}
"""Right and wrong answers by confidence; they make :data:`CONFUSION` and the bins."""


Confusion = tuple[tuple[int, ...], ...]


def _images(confusion: Confusion = CONFUSION) -> list[tuple[str, int, int]]:
    """Name, label and answer of every test image."""
    cells = [(t, p) for t, row in enumerate(confusion) for p, n in enumerate(row) for _ in range(n)]
    return [(f"test/{CLASSES[t]}/{n:04}.png", t, p) for n, (t, p) in enumerate(cells)]


@functools.cache
def predictions(confusion: Confusion = CONFUSION) -> bytes:
    """``predictions.npz`` that gives a confusion matrix, on test and validation images alike;
    the confidences are those of :func:`_bins` where there are as many right and wrong answers."""
    names, labels, answers = zip(*_images(confusion), strict=True)
    pools = {
        right: [c for c, counts in CONFIDENCES.items() for _ in range(counts[not right])]
        for right in (True, False)
    }
    logits = np.empty((len(labels), len(CLASSES)), dtype=np.float32)
    for row, label, answer in zip(logits, labels, answers, strict=True):
        pool = pools[label == answer]
        confidence = pool.pop() if pool else 0.95
        row[:] = np.log((1 - confidence) / (len(CLASSES) - 1))
        row[answer] = np.log(confidence)
    arrays: dict[str, Any] = {}
    for split in ("test", "val"):
        arrays[f"{split}_ids"] = np.array([name.replace("test", split, 1) for name in names])
        arrays[f"{split}_labels"] = np.array(labels, dtype=np.int64)
        arrays[f"{split}_logits"] = logits
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


@functools.cache
def _splits() -> bytes:
    """``splits.json`` of the project."""
    tests = [(name, label) for name, label, _ in _images()]
    splits = {
        "train": [(f"train/{CLASSES[n % 3]}/{n:04}.png", n % 3) for n in range(1400)],
        "val": [(name.replace("test", "val", 1), label) for name, label in tests],
        "test": tests,
    }
    images = [
        {"id": name, "label": CLASSES[label], "sha256": sha256_bytes(name.encode()), "split": split}
        for split, found in splits.items()
        for name, label in found
    ]
    return pretty_json({"images": images}).encode()


def _train_files() -> dict[str, bytes]:
    return {
        "checkpoints/final_model_best.pt": checkpoint_bytes("best"),
        "checkpoints/final_model_last.pt": checkpoint_bytes("last"),
        "checkpoints/epoch_9.pt": checkpoint_bytes("epoch 9"),
        "config.yaml": b"# as training resolved it\n",
        "training.log": b"epoch 1 train_loss 0.9\n",
        "metrics.json": b'{"epochs": 12}\n',
        "learning_curves.png": png(10),
    }


def _best_sha256() -> str:
    return sha256_bytes(_train_files()["checkpoints/final_model_best.pt"])


@functools.cache
def _export_files() -> dict[str, bytes]:
    files = {}
    for format_, name in FILE_OF_FORMAT.items():
        metadata = ModelMetadata.model_validate(
            {
                "name": "harbour",
                "classes": CLASSES,
                "preprocessing": _preprocessing(),
                "format": format_,
                "colour_order": "RGB",
                "checkpoint_sha256": _best_sha256(),
            }
        )
        written = metadata.model_dump_json()
        onnx_file = name.endswith(".onnx")
        if name.endswith(".pt2"):
            files[name] = _program_bytes(format_)
        else:
            files[name] = _onnx_bytes(written) if onnx_file else checkpoint_bytes(format_)
        files[f"{name}.json"] = pretty_json(metadata.model_dump(mode="json")).encode()
    return files


def _document_files() -> dict[str, bytes]:
    texts = {
        path: "\n".join(f"## {section}\n\nText.\n" for section in sections)
        for path, sections in SECTIONS.items()
    }
    card, guide, watch = (
        f"docs/{n}.md" for n in ("model_card", "deployment_guide", "monitoring_guide")
    )
    texts[card] = f"---\nlicense: apache-2.0\n---\n\n{texts[card]}"
    texts[guide] += "\n```python\nimport onnxruntime\n```\n\n```sh\nseatrial predict\n```\n"
    texts[watch] += "\n| Signal | Alarm |\n| --- | ---: |\n| latency p95 | 0.5 ms |\n"
    texts["results/production/requirements.txt"] = _requirements()
    return {path: text.encode() for path, text in texts.items()}


def _requirements() -> str:
    return "".join(f"{name}=={version}\n" for name, version in _packages().items())


@functools.cache
def step_files() -> dict[str, dict[str, bytes]]:
    """Every step's files but record.json and manifest.json, by path in the step's folder."""
    return {
        "data": {
            "splits.json": _splits(),
            "preprocessing.json": pretty_json(_preprocessing()).encode(),
            "class_balance.png": png(20),
            "samples.png": png(30),
        },
        "train": _train_files(),
        "evaluate": {
            "predictions.npz": predictions(),
            "metrics.json": b'{"test_acc": {"value": 0.97}}\n',
            "sample.png": png(70),
            "confusion_matrix.png": png(40),
            "reliability_diagram.png": png(50),
            "mistakes.png": png(60),
        },
        "export": _export_files(),
        "verify": {},
        "benchmark": {},
        "document": _document_files(),
    }


# ---------------------------------------------------------------- records


def _preprocessing() -> dict[str, object]:
    return {
        "height": 32,
        "width": 32,
        "channels": 3,
        "resize": "stretch",
        "interpolation": "bilinear",
        "mean": (0.48, 0.46, 0.42),
        "std": (0.24, 0.23, 0.25),
    }


def _packages() -> dict[str, str]:
    return {
        "numpy": "2.3.1",
        "onnx": "1.23.0",
        "onnxruntime": "1.31.0",
        "pillow": "12.0.0",
        "torch": "2.15.0",
        "torchvision": "0.30.0",
    }


def _config() -> dict[str, object]:
    return {
        "model": {"architecture": "simple_cifar_net", "dropout": 0.1},
        "data": {
            "source": "folder",
            "root": "photos",
            "image_size": 32,
            "card": {
                "source": "harbour cameras, 2025",
                "licence": "CC-BY-4.0",
                "consent": "no persons in the images",
            },
        },
        "training": {"epochs": 100, "batch_size": 64, "device": "cpu", "threads": 2},
        "early_stopping": {"patience": 3, "metric": "val_acc"},
        "reproducibility": {"seed": 7},
        "targets": {
            "test_acc": 0.9,
            "max_ece": 0.05,
            "max_latency_p95_ms": 5.0,
            "max_memory_mb": 200.0,
            "max_size_mb": 10.0,
        },
        "documents": {
            "name": "harbour",
            "version": "1.0.0",
            "purpose": "sorts photographs of a harbour",
            "contact": "vision team",
        },
        "approvals": {"required": ["technical", "product"]},
    }


def _config_yaml(config: Config) -> bytes:
    return strict_yaml.dump(config.model_dump(mode="json")).encode()


def _run(config: Config) -> dict[str, object]:
    return {
        "id": RUN_ID,
        "command": "seatrial finalize --config configs/final_config.yaml",
        "started": "2026-11-20T14:00:00Z",
        "config_path": "configs/final_config.yaml",
        "config_sha256": sha256_bytes(_config_yaml(config)),
        "overrides": (),
        "vouched_by": "results/optimization/gate.json",
        "git": {
            "commit": "41c0a7e6f3b2d1c0a9f8e7d6c5b4a39281706f5e",
            "branch": "main",
            "dirty": (),
        },
        "environment": {
            "python": "3.11.9",
            "platform": "Linux-6.8-x86_64",
            "processor": "Example CPU at 2.5 GHz",
            "cores": 2,
            "memory_mb": 8192,
            "gpu": None,
            "packages": _packages(),
            "seatrial_version": "0.1.0",
            "code_sha256": sha256_bytes(b"code"),
        },
    }


_SPLITS = (("train", 1400, (470, 465, 465)), ("val", 300, (100,) * 3), ("test", 300, (100,) * 3))


def _data() -> dict[str, object]:
    return {
        "digest": sha256_bytes(b"data"),
        "source": "folder photos",
        "classes": CLASSES,
        "splits": tuple(
            {"split": name, "total": n, "per_class": counts, "digest": sha256_bytes(name.encode())}
            for name, n, counts in _SPLITS
        ),
        "split_method": "folders train, val and test as found",
        "unreadable": ({"id": "train/hull/0007.png", "reason": "image file is truncated"},),
        "total_found": 2001,
        "modes": {"RGB": 2000},
        "sizes": {"64x64": 1500, "80x60": 500},
        "width_range": (64, 80),
        "height_range": (60, 64),
        "preprocessing": _preprocessing(),
        "channel_mean": (0.48, 0.46, 0.42),
        "channel_std": (0.24, 0.23, 0.25),
        "image_mean_std": (0.08, 0.08, 0.09),
        "duplicate_method": "content digest; perceptual hash, at most 2 of 64 bits apart",
        "duplicates_within": (
            {
                "first": "train/buoy/0001.png",
                "second": "train/buoy/0090.png",
                "first_split": "train",
                "second_split": "train",
                "first_label": "buoy",
                "second_label": "buoy",
                "kind": "near",
                "distance": 1,
            },
        ),
        "leakage": (),
        "conflicting_labels": (),
        "groups_crossing": (),
        "card": _config()["data"]["card"],  # type: ignore[index]
        "warnings": (),
        "plots": ("class_balance.png", "samples.png"),
        "streamed": False,
        "seconds": 1.4,
    }


_VAL_ACC = (0.61, 0.74, 0.82, 0.87, 0.9, 0.92, 0.94, 0.955, 0.97, 0.965, 0.968, 0.966)


def _train() -> dict[str, object]:
    files = _train_files()
    epochs = tuple(
        {
            "epoch": number,
            "learning_rate": 1e-3 * (1 + math.cos(math.pi * number / 100)) / 2,
            "train_loss": 0.95 * 0.75**number,
            "train_acc": min(0.999, accuracy + 0.01),
            "metrics": {
                "val_loss": 1.9 * (1 - accuracy) + 0.02,
                "val_acc": accuracy,
                "val_f1": accuracy - 0.003,
            },
            "seconds": 2.1,
            "images_per_second": 667.0,
        }
        for number, accuracy in enumerate(_VAL_ACC, start=1)
    )
    return {
        "trained_elsewhere": False,
        "architecture": "simple_cifar_net",
        "parameters": 121_003,
        "epochs_planned": 100,
        "epochs": epochs,
        "stopped": "early_stopping",
        "monitor": "val_acc",
        "best_epoch": 9,
        "best_value": 0.97,
        "checkpoints": tuple(
            {"role": role, "path": path, "epoch": epoch, "sha256": sha256_bytes(files[path])}
            for role, path, epoch in (
                ("best", "checkpoints/final_model_best.pt", 9),
                ("last", "checkpoints/final_model_last.pt", 12),
                ("epoch", "checkpoints/epoch_9.pt", 9),
            )
        ),
        "last_resumable": True,
        "diagnoses": (),
        "resumed_at_epochs": (),
        "seed": 7,
        "deterministic": True,
        "device": "cpu",
        "precision": "fp32",
        "threads": 2,
        "processes": 1,
        "batch_size": 64,
        "images_per_second": 667.0,
        "seconds": 26.3,
        "plots": ("learning_curves.png",),
    }


def _class_results() -> tuple[dict[str, object], ...]:
    results = []
    for index, name in enumerate(CLASSES):
        hits, support = CONFUSION[index][index], sum(CONFUSION[index])
        called = sum(row[index] for row in CONFUSION)
        results.append(
            {
                "name": name,
                "support": support,
                "precision": _rate(hits, called),
                "recall": _rate(hits, support),
                "f1": _about(2 * hits / (support + called), 0.03),
                "auc": _about(0.995, 0.004),
            }
        )
    return tuple(results)


def _bins() -> tuple[dict[str, object], ...]:
    """Fifteen bins of 300 images, 291 of them right."""
    filled: dict[int, tuple[int, float | None, float | None]] = {
        10: (10, 0.7, 7 / 10),
        13: (30, 0.9, 28 / 30),
        14: (260, 0.9754, 256 / 260),
    }
    bins: list[dict[str, object]] = []
    for index in range(15):
        count, confidence, accuracy = filled.get(index, (0, None, None))
        bins.append(
            {
                "lower": index / 15,
                "upper": (index + 1) / 15,
                "count": count,
                "confidence": confidence,
                "accuracy": accuracy,
            }
        )
    return tuple(bins)


def _expected_calibration_error() -> float:
    counts = [(b["count"], b["confidence"], b["accuracy"]) for b in _bins() if b["count"]]
    return sum(n * abs(c - a) for n, c, a in counts) / 300  # type: ignore[operator]


def _test_estimates() -> dict[str, dict[str, object]]:
    results = _class_results()
    mean = {
        name: sum(result[name]["value"] for result in results) / len(results)  # type: ignore[index]
        for name in ("precision", "recall", "f1")
    }
    return {
        "loss": _about(0.112, 0.03),
        "acc": _rate(291, 300),
        "balanced_acc": _about(mean["recall"], 0.02),
        "f1": _about(mean["f1"], 0.02),
        "f1_weighted": _about(mean["f1"], 0.02),
        "precision": _about(mean["precision"], 0.02),
        "recall": _about(mean["recall"], 0.02),
        "auc": _about(0.995, 0.004),
        "mcc": _about(0.955, 0.03),
        "nll": _about(0.112, 0.03),
        "brier": _about(0.051, 0.015),
        "ece": _about(_expected_calibration_error(), 0.005),
        "top5": {"value": None, "reason": "3 classes, at least 6 needed"},
    }


def _mistakes() -> tuple[dict[str, object], ...]:
    wrong = [
        (true, predicted)
        for true, row in enumerate(CONFUSION)
        for predicted, count in enumerate(row)
        for _ in range(count)
        if true != predicted
    ]
    return tuple(
        {
            "id": f"test/{CLASSES[true]}/{number:04}.png",
            "true": CLASSES[true],
            "predicted": CLASSES[predicted],
            "confidence": 0.97 - 0.04 * number,
        }
        for number, (true, predicted) in enumerate(wrong)
    )


def _evaluate() -> dict[str, object]:
    return {
        "checkpoint_sha256": _best_sha256(),
        "test_digest": sha256_bytes(b"test"),
        "n_test": 300,
        "n_val": 300,
        "test": _test_estimates(),
        "val": {"loss": _about(0.077, 0.02), "acc": _rate(291, 300), "f1": _about(0.967, 0.02)},
        "classes": _class_results(),
        "confusion": CONFUSION,
        "bins": _bins(),
        "mistakes": _mistakes(),
        "n_mistakes": 9,
        "confusions": (
            {"true": "buoy", "predicted": "anchor", "count": 3, "share_of_true": 0.03},
            {"true": "anchor", "predicted": "buoy", "count": 2, "share_of_true": 0.02},
        ),
        "gap": {"value": 0.0, "interval": (-0.028, 0.028), "p_value": 1.0, "judgement": "good"},
        "recorded_value": 0.97,
        "reevaluated_value": 0.97,
        "repeat_identical": True,
        "ledger_count": 1,
        "needed_n_test": 55,
        "confidence_quantiles": {
            "mean": 0.962,
            "std": 0.071,
            "0.01": 0.58,
            "0.05": 0.81,
            "0.5": 0.985,
        },
        "predicted_shares": (0.334, 0.327, 0.339),
        "warnings": (),
        "plots": ("confusion_matrix.png", "reliability_diagram.png", "mistakes.png"),
        "seconds": 0.9,
    }


def _export() -> dict[str, object]:
    files = _export_files()
    return {
        "input_shape": (3, 32, 32),
        "classes": CLASSES,
        "embedded_preprocessing": False,
        "artifacts": tuple(
            {
                "format": format_,
                "path": name,
                "size_bytes": len(files[name]),
                "sha256": sha256_bytes(files[name]),
                "opset": 20 if name.endswith(".onnx") else None,
                "status": "exported",
                "seconds": 1.1,
            }
            for format_, name in FILE_OF_FORMAT.items()
        ),
        "trials": (
            {
                "activation": "uint8",
                "per_channel": True,
                "calibration": "minmax",
                "operators": "all",
                "val_acc": 0.967,
                "val_acc_drop": 0.003,
                "flips": 1,
                "latency_ms": 0.13,
                "speedup": 1.6,
                "size_bytes": 130_000,
                "chosen": True,
            },
        ),
        "n_calibration": 256,
        "n_search": 300,
        "fp32_val_acc": 0.97,
        "quantization_summary": "1 of 1 settings within 0.5 points; the fastest was chosen",
        "seconds": 9.2,
    }


def _verification(format_: str) -> dict[str, object]:
    exact = format_ in ("onnx", "torchscript", "torch_export")
    flip = {
        "id": "test/buoy/0104.png",
        "true": "buoy",
        "reference": "buoy",
        "exported": "anchor",
        "reference_margin": 0.02,
        "exported_margin": 0.01,
        "tie": False,
    }
    hits = 290 if format_ == "onnx_int8" else 291
    return {
        "format": format_,
        "passed": True,
        "reason": None,
        "n": 300,
        "accuracy": _rate(hits, 300),
        "reference_accuracy": 0.97,
        "accuracy_difference": 0.97 - hits / 300,
        "accuracy_bound": 0.005,
        "max_logit_difference": 4e-6 if exact else 0.08,
        "mean_logit_difference": 5e-7 if exact else 0.01,
        "flips": (flip,) if format_ == "onnx_int8" else (),
        "flips_beyond_ties": 1 if format_ == "onnx_int8" else 0,
        "mcnemar_p": 1.0,
        "ece": 0.012,
        "batch_differences": {"1": 1e-6, "2": 1e-6, "7": 2e-6, "32": 2e-6},
        "golden_n": 8,
        "golden_agree": 8,
        "golden_max_difference": 3e-6 if exact else 0.05,
        "seconds": 0.7,
    }


def _measurement(format_: str, index: int) -> dict[str, object]:
    p50 = 0.2 + 0.05 * index
    return {
        "format": format_,
        "load_ms": 21.0 + index,
        "latencies": tuple(
            {
                "batch": batch,
                "p50_ms": p50 * factor,
                "p95_ms": p50 * factor * 1.2,
                "p99_ms": p50 * factor * 1.4,
                "repetitions": 150,
                "images_per_second": 1000 * batch / (p50 * factor),
            }
            for batch, factor in ((1, 1.0), (32, 18.0))
        ),
        "peak_memory_mb": 62.0 + index,
        "gpu_memory_mb": None,
        "size_mb": 0.5,
        "speedup": 0.2 / p50,
    }


def _benchmark() -> dict[str, object]:
    return {
        "processor": "Example CPU at 2.5 GHz",
        "cores": 2,
        "threads": 1,
        "load_average": 0.4,
        "gpu": None,
        "versions": {"onnxruntime": "1.31.0", "torch": "2.15.0"},
        "formats": tuple(_measurement(name, n) for n, name in enumerate(FILE_OF_FORMAT)),
        "processes_per_format": 3,
        "seconds": 8.0,
    }


def _documents() -> dict[str, object]:
    return {
        "documents": tuple(
            {"name": Path(path).stem, "path": path, "sections": sections, "missing_sections": ()}
            for path, sections in SECTIONS.items()
        ),
        "code_blocks": tuple(
            {
                "document": "docs/deployment_guide.md",
                "index": index,
                "language": language,
                "first_line": first_line,
                "exit_code": 0,
                "error": None,
                "seconds": 0.8,
            }
            for index, (language, first_line) in enumerate(
                [("python", "import onnxruntime"), ("sh", "seatrial predict")]
            )
        ),
        "seconds": 6.0,
    }


# ---------------------------------------------------------------- facts and the project


def _manifest(
    step: str,
    files: Mapping[str, bytes],
    run: RunReference,
    follows: dict[str, str],
    inputs: dict[str, str],
) -> Manifest:
    listed = tuple(
        FileDigest(path=path, size_bytes=len(content), sha256=sha256_bytes(content))
        for path, content in sorted(files.items())
    )
    return Manifest(
        step=step,
        run=run,
        follows=follows,
        inputs=inputs,
        started="2026-11-20T14:00:01Z",
        finished="2026-11-20T14:00:30Z",
        files=listed,
    )


def _json_bytes(record: Record) -> bytes:
    return pretty_json(record.model_dump(mode="json")).encode()


@functools.cache
def _bare() -> Facts:
    """Healthy facts without steps."""
    config = Config.model_validate(_config())
    return Facts.model_validate(
        {
            "run": _run(config),
            "config": config.model_dump(),
            "data": _data(),
            "train": _train(),
            "evaluate": _evaluate(),
            "export": _export(),
            "verify": {"formats": tuple(map(_verification, FILE_OF_FORMAT)), "seconds": 3.9},
            "benchmark": _benchmark(),
            "documents": _documents(),
            "steps": {},
            "release_digest": None,
            "known_issues": (),
        }
    )


def _assemble(
    changes: Mapping[str, object], replaced: Mapping[str, bytes] = MappingProxyType({})
) -> tuple[Facts, dict[str, bytes]]:
    """Facts, and the content of every file of the project by its path."""
    facts = _bare()
    for path, value in changes.items():
        facts = changed(facts, path, value)
    if "run.config_sha256" not in changes:
        facts = changed(facts, "run.config_sha256", sha256_bytes(_config_yaml(facts.config)))
    contents = {
        f"runs/{RUN_ID}/run.json": _json_bytes(facts.run),
        f"runs/{RUN_ID}/config.yaml": _config_yaml(facts.config),
    }
    steps: dict[str, StepFacts] = {}
    run = RunReference(id=RUN_ID, sha256=sha256_bytes(_json_bytes(facts.run)))
    follows: dict[str, str] = {}
    inputs = {"config": facts.run.config_sha256, "code": facts.run.environment.code_sha256}
    for step, (field, _) in RECORD_TYPES.items():
        record = getattr(facts, field)
        if record is None:
            continue
        folder = f"runs/{RUN_ID}/{step}"
        files = {**step_files()[step], "record.json": _json_bytes(record)}
        if step == "document" and facts.known_issues is not None:
            issues = [issue.model_dump(mode="json") for issue in facts.known_issues]
            files[KNOWN_ISSUES] = strict_yaml.dump({"issues": issues}).encode()
        if step == "document" and (digest := release_digest(steps)) is not None:
            so_far = facts.model_copy(update={"steps": dict(steps), "release_digest": digest})
            files[STATEMENT] = to_json_bytes(statement(so_far))
        files |= {name: replaced[at] for name in files if (at := f"{step}/{name}") in replaced}
        manifest = _manifest(step, files, run, dict(follows), dict(inputs))
        written = _json_bytes(manifest)
        contents |= {f"{folder}/{path}": content for path, content in files.items()}
        contents[f"{folder}/manifest.json"] = written
        follows[step] = sha256_bytes(written)
        steps[step] = StepFacts(
            folder=folder,
            manifest=manifest,
            manifest_sha256=follows[step],
            reused_from=None,
        )
    facts = facts.model_copy(update={"steps": steps, "release_digest": release_digest(steps)})
    return facts, contents


@functools.cache
def _healthy() -> tuple[Facts, dict[str, bytes]]:
    return _assemble({})


def healthy_facts(changes: Mapping[str, object] | None = None) -> Facts:
    """Facts of a run on which every item but the approval passes, with ``changes`` by path."""
    return (_assemble(changes) if changes else _healthy())[0]


def healthy_project(
    folder: Path,
    changes: Mapping[str, object] | None = None,
    replaced: Mapping[str, bytes] | None = None,
) -> tuple[Facts, Path]:
    """The facts of :func:`healthy_facts` and the project's root with every file they name.

    ``replaced`` has the content of some files, by ``step/path``; manifests list what is there.
    """
    facts, contents = (
        _assemble(changes or {}, replaced or {}) if changes or replaced else _healthy()
    )
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return facts, folder


TRAINED_ELSEWHERE: dict[str, object] = {
    "train.trained_elsewhere": True,
    "train.stopped": "trained_elsewhere",
    "train.epochs": [],
    "train.epochs_planned": 0,
    "train.best_epoch": 0,
    "train.best_value": None,
    "train.last_resumable": None,
    "train.images_per_second": None,
    "train.plots": [],
    "train.checkpoints": [
        {
            "role": "given",
            "path": "checkpoints/final_model_best.pt",
            "epoch": 0,
            "sha256": _best_sha256(),
        }
    ],
    "evaluate.recorded_value": None,
    "evaluate.reevaluated_value": None,
    "run.checkpoint": "given.pt",
}
"""Changes that make the facts those of a model trained elsewhere."""
