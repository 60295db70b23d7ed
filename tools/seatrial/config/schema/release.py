"""What must hold of a release, and how it is exported, measured and documented."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.schema.fields import Count, Fraction, Positive, Section


class Targets(Section):
    """The bounds that the checklist judges by. Accuracies are fractions."""

    test_acc: Fraction | None = Field(
        default=None, description="item 8; null: not declared, and the item fails"
    )
    max_val_test_gap: Fraction = Field(default=0.05, description="item 9, either way")
    min_class_f1: Fraction = Field(default=0.7, description="item 10")
    max_ece: Fraction | None = Field(default=None, description="item 12; null: shown, not judged")
    max_latency_p95_ms: Positive | None = Field(
        default=None,
        description="item 16, fp32 ONNX at batch 1; null: shown, not judged, as the next two",
    )
    max_memory_mb: Positive | None = Field(
        default=None, description="item 16, of the process at its peak; MB are 10^6 bytes"
    )
    max_size_mb: Positive | None = Field(default=None, description="item 16, of the file")


class Quantization(Section):
    """int8, made from fp32 ONNX by a search for a setting."""

    enabled: bool = True
    dtype: Literal["int8"] = "int8"
    max_accuracy_drop: Fraction = Field(
        default=0.005,
        description="on validation images; where no setting keeps it none is published",
    )
    calibration_images: Count = Field(default=256, description="of the training split, at most")
    max_search_images: Count = Field(default=1000, description="of the validation split, at most")


class Export(Section):
    """The files to deploy."""

    enabled: bool = True
    formats: tuple[Literal["onnx", "onnx_fp16", "torchscript", "torch_export"], ...] = (
        "onnx",
        "onnx_fp16",
        "torchscript",
        "torch_export",
    )
    quantization: Quantization = Quantization()
    embed_preprocessing: bool = Field(
        default=False, description="normalisation and softmax in the graph: pixels in, shares out"
    )
    max_accuracy_difference: Fraction = Field(
        default=0.005, description="item 14: what an exported file may lose on the test set"
    )


class Benchmark(Section):
    """How exported files are measured."""

    repetitions: Count = Field(default=50, description="timed calls a process and batch size")
    processes: Count = Field(default=3, description="fresh processes a format")
    max_seconds: Positive = Field(
        default=1.0, description="a process and batch size stop then, after ten calls at least"
    )
    batch_sizes: tuple[Count, ...] = Field(default=(1, 32), description="1 among them")
    threads: Count = Field(default=1, description="of the runtime, in verification too")


class Documents(Section):
    """What a person states about the model; what is left out reads "not stated"."""

    name: str | None = Field(default=None, description="null: the architecture's")
    version: str | None = None
    purpose: str | None = Field(default=None, description="what it is for, as one phrase")
    contact: str | None = Field(default=None, description="whom to ask")
    licence: str | None = Field(
        default=None, description="of the model, as model hubs write it, such as apache-2.0"
    )
    documentation_url: str | None = None
    registry_url: str | None = None


Role = Literal["technical", "product", "compliance"]
"""In what capacity a person approves a release."""


class Approvals(Section):
    """Who must sign a release (item 24)."""

    required: tuple[Role, ...] = Field(
        default=("technical",), description="none: the item fails, since nobody has approved"
    )
    distinct_signers: bool = Field(
        default=False, description="whether one person may sign for one role only"
    )


class Waiver(Section):
    """One item that the team accepts although it does not pass."""

    item: Annotated[int, Field(ge=1, le=24)] = Field(description="24 cannot be waived")
    reason: str = Field(default="", description="without one the waiver does not count")
    by: str = Field(default="", description="who accepts it; without a name it does not count")
    until: datetime.date = Field(description="its last day")
