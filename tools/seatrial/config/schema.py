"""The configuration, typed and frozen. Unknown keys are refused; ``load`` reports every problem."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_serializer,
    model_validator,
)

from seatrial.config.metric_names import METRICS

# Strict: a number is a number, and true is not 1.
Fraction = Annotated[float, Field(ge=0, le=1, strict=True)]
Positive = Annotated[float, Field(gt=0, strict=True)]
NonNegative = Annotated[float, Field(ge=0, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Natural = Annotated[int, Field(ge=0, strict=True)]
Share = Annotated[float, Field(ge=0, lt=1, strict=True)]
"""A fraction below 1."""


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# ---------------------------------------------------------------- model, loss, optimisation


def canonical_architecture(name: object) -> object:
    """``ResNet18``, ``resnet-18`` and ``resnet18`` are one name; ``module:function`` is kept."""
    if isinstance(name, str) and ":" not in name:
        return re.sub(r"[-\s]", "_", name.strip()).lower()
    return name


class Model(Section):
    architecture: Annotated[str, BeforeValidator(canonical_architecture)] = Field(
        description="a torchvision or timm classifier, simple_cifar_net, or module:function"
    )
    pretrained: bool = False
    dropout: Share | None = Field(
        default=None, description="before the classifier; null keeps the architecture's own"
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="further keyword arguments of the architecture"
    )


class Loss(Section):
    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Share = 0.0
    class_weights: Literal["balanced"] | tuple[Positive, ...] | None = Field(
        default=None, description="balanced, or one weight a class in the order of the classes"
    )


class Optimizer(Section):
    type: Literal["adam", "adamw", "sgd", "rmsprop"] = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: NonNegative = 1e-2
    momentum: Share = 0.9
    nesterov: bool = False
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)

    @field_validator("type", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value


class Scheduler(Section):
    type: Literal["constant", "cosine", "step", "plateau", "one_cycle"] = "cosine"
    warmup_epochs: NonNegative = 0.0
    min_learning_rate: NonNegative = 0.0
    step_epochs: Count = 30
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    patience: Count = 5

    @field_validator("type", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value


# ---------------------------------------------------------------- training


class Training(Section):
    epochs: Count = 100
    batch_size: Count = 64
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    devices: Count = Field(default=1, description="processes on this machine")
    precision: Literal["fp32", "bf16", "fp16", "fp64"] = "fp32"
    gradient_clip_norm: Positive | None = None
    accumulate_batches: Count = 1
    channels_last: bool | Literal["auto"] = "auto"
    fused_optimizer: bool | Literal["auto"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    batch_norm: Literal["shared", "per_rank"] = Field(
        default="shared", description="batch-norm statistics of several processes"
    )
    workers: Natural = 0
    threads: Count | None = Field(default=None, description="null: the cores this process may use")


class EarlyStopping(Section):
    enabled: bool = True
    patience: Count = 10
    min_delta: NonNegative = 0.0
    metric: str = "val_loss"


class RandomCrop(Section):
    size: tuple[Count, Count]
    padding: Natural = 4


class RandomResizedCrop(Section):
    scale: tuple[Positive, Positive] = (0.6, 1.0)
    ratio: tuple[Positive, Positive] = (0.75, 1.3333)


class Flip(Section):
    p: Fraction = 0.5


class ColorJitter(Section):
    brightness: NonNegative = 0.0
    contrast: NonNegative = 0.0
    saturation: NonNegative = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0


class Rotation(Section):
    degrees: Annotated[float, Field(ge=0, le=180)] = 10.0


class RandomErasing(Section):
    p: Fraction = 0.25
    scale: tuple[Positive, Positive] = (0.02, 0.2)


TransformParameters = RandomCrop | RandomResizedCrop | Flip | ColorJitter | Rotation | RandomErasing


class Transform(Section):
    """One augmentation, written ``{horizontal_flip: {p: 0.5}}`` or ``{random_crop: [32, 32]}``.
    Exactly one key is set; :attr:`parameters` gives it."""

    random_crop: RandomCrop | None = None
    random_resized_crop: RandomResizedCrop | None = None
    horizontal_flip: Flip | None = None
    vertical_flip: Flip | None = None
    color_jitter: ColorJitter | None = None
    rotation: Rotation | None = None
    random_erasing: RandomErasing | None = None

    @field_validator("random_crop", mode="before")
    @classmethod
    def _size_alone(cls, value: object) -> object:
        return {"size": value} if isinstance(value, (list, tuple)) else value

    @field_validator(
        "random_resized_crop",
        "horizontal_flip",
        "vertical_flip",
        "color_jitter",
        "rotation",
        "random_erasing",
        mode="before",
    )
    @classmethod
    def _defaults(cls, value: object) -> object:
        return {} if value is None else value

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) != 1:
            raise ValueError(f"expected one transform an entry, found {len(value)}")
        return value

    @model_serializer
    def _as_written(self) -> dict[str, object]:
        return {self.name: self.parameters.model_dump()}

    @property
    def name(self) -> str:
        """The one key that is set."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def parameters(self) -> TransformParameters:
        """The value of the one key that is set."""
        value: TransformParameters = getattr(self, self.name)
        return value


class DataAugmentation(Section):
    enabled: bool = True
    transforms: tuple[Transform, ...] = ()


class Checkpointing(Section):
    save_best: bool = True
    save_last: bool = True
    checkpoint_every_n_epochs: Count | None = None
    save_top_k: Natural = 0
    output_dir: str = "checkpoints/production"


def _known_metrics(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    known = [f"{prefix}_{name}" for name in METRICS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return names


class Validation(Section):
    validate_every_n_epochs: Count = 1
    metrics: tuple[str, ...] = ("val_loss", "val_acc", "val_f1")

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_metrics("val", names)


class TestSet(Section):
    __test__ = False  # not a pytest class

    enabled: bool = True
    evaluate_at_end: bool = True
    metrics: tuple[str, ...] = tuple(f"test_{name}" for name in METRICS)

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_metrics("test", names)


class Reproducibility(Section):
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    deterministic: bool = True


# ---------------------------------------------------------------- data


class Fractions(Section):
    train: Fraction | None = None
    val: Fraction | None = None
    test: Fraction | None = None


class Card(Section):
    source: str | None = None
    licence: str | None = None
    consent: str | None = None


class Data(Section):
    source: Literal["folder", "csv", "npz", "torchvision", "digits"]
    root: str | None = Field(
        default=None, description="folder, CSV file, or npz file; relative to the project"
    )
    dataset: str | None = Field(default=None, description="torchvision data set, such as CIFAR10")
    image_size: Count | tuple[Count, Count] | None = Field(
        default=None, description="height and width the model sees; null: that of the images"
    )
    channels: Literal[1, 3] = 3
    resize: Literal["stretch", "crop", "pad"] = "stretch"
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    mean: tuple[float, ...] | None = Field(default=None, description="null: of the training split")
    std: tuple[Positive, ...] | None = None
    fractions: Fractions | None = None
    group_by: str | None = Field(
        default=None,
        description="CSV: a column; folder: a regular expression with one group, on the path",
    )
    path_column: str = "path"
    label_column: str = "label"
    split_column: str = "split"
    max_unreadable_fraction: Fraction = 0.01
    memory_budget_mb: Count = 2048
    near_duplicate_bits: Annotated[int, Field(ge=0, le=16)] | None = Field(
        default=8,
        description="Hamming distance at which two perceptual hashes propose a pair, which small "
        "thumbnails must confirm; null: exact duplicates only",
    )
    card: Card = Card()


# ---------------------------------------------------------------- what must hold


class Targets(Section):
    test_acc: Fraction | None = None
    max_val_test_gap: Fraction = 0.05
    min_class_f1: Fraction = 0.7
    max_ece: Fraction | None = None
    max_latency_p95_ms: Positive | None = None
    max_memory_mb: Positive | None = None
    max_size_mb: Positive | None = None


class Quantization(Section):
    enabled: bool = True
    dtype: Literal["int8"] = "int8"
    max_accuracy_drop: Fraction = 0.005
    calibration_images: Count = 256
    max_search_images: Count = 1000


class Export(Section):
    enabled: bool = True
    formats: tuple[Literal["onnx", "onnx_fp16", "torchscript", "torch_export"], ...] = (
        "onnx",
        "onnx_fp16",
        "torchscript",
        "torch_export",
    )
    quantization: Quantization = Quantization()
    embed_preprocessing: bool = False
    max_accuracy_difference: Fraction = 0.005


class Benchmark(Section):
    repetitions: Count = Field(default=50, description="timed calls a process and batch size")
    processes: Count = Field(default=3, description="fresh processes a format")
    max_seconds: Positive = Field(
        default=1.0, description="a process and batch size stop then, after ten calls at least"
    )
    batch_sizes: tuple[Count, ...] = (1, 32)
    threads: Count = 1


class Documents(Section):
    name: str | None = None
    version: str | None = None
    purpose: str | None = None
    contact: str | None = None
    licence: str | None = Field(
        default=None, description="of the model, as model hubs write it, such as apache-2.0"
    )
    documentation_url: str | None = None
    registry_url: str | None = None


class Approvals(Section):
    required: tuple[Literal["technical", "product", "compliance"], ...] = ("technical",)


class Waiver(Section):
    item: Annotated[int, Field(ge=1, le=24)]
    reason: str = ""
    by: str = ""
    until: datetime.date


class Config(Section):
    """A whole configuration file."""

    model: Model
    data: Data
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    scheduler: Scheduler = Scheduler()
    training: Training = Training()
    early_stopping: EarlyStopping = EarlyStopping()
    data_augmentation: DataAugmentation = DataAugmentation()
    checkpointing: Checkpointing = Checkpointing()
    validation: Validation = Validation()
    test_set: TestSet = TestSet()
    reproducibility: Reproducibility = Reproducibility()
    export: Export = Export()
    targets: Targets = Targets()
    benchmark: Benchmark = Benchmark()
    documents: Documents = Documents()
    known_issues: str = "known_issues.yaml"
    approvals: Approvals = Approvals()
    waivers: tuple[Waiver, ...] = ()
