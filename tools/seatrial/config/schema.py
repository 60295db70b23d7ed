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
    """``ResNet18`` and ``resnet18`` are one name, so are ``ConvNeXt-Tiny`` and ``convnext_tiny``;
    ``module:function`` is kept."""
    if isinstance(name, str) and ":" not in name:
        return re.sub(r"[-\s]", "_", name.strip()).lower()
    return name


def is_own(architecture: str) -> bool:
    """Whether a name means a ``module:function`` of the project's own."""
    return ":" in architecture and not architecture.startswith("timm:")


class Model(Section):
    """The network."""

    architecture: Annotated[str, BeforeValidator(canonical_architecture)] = Field(
        description="a torchvision or timm classifier, simple_cifar_net, or module:function"
    )
    pretrained: bool = Field(
        default=False, description="begin from published weights: from the cache, else downloaded"
    )
    dropout: Share | None = Field(
        default=None, description="before the classifier; null keeps the architecture's own"
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="further keyword arguments of the architecture"
    )


class Loss(Section):
    """What training minimises."""

    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Share = Field(
        default=0.0, description="share of each target spread over all classes; raises the ECE"
    )
    class_weights: Literal["balanced"] | tuple[Positive, ...] | None = Field(
        default=None, description="balanced, or one weight a class in the order of the classes"
    )


class Optimizer(Section):
    """How weights are updated."""

    type: Literal["adam", "adamw", "sgd", "rmsprop"] = "adamw"
    learning_rate: Positive = Field(default=1e-3, description="the highest the schedule gives")
    weight_decay: NonNegative = Field(
        default=1e-2, description="not applied to biases and normalisation layers"
    )
    momentum: Share = Field(default=0.9, description="read by sgd and rmsprop")
    nesterov: bool = Field(default=False, description="read by sgd; needs momentum above 0")
    betas: tuple[Fraction, Fraction] = Field(
        default=(0.9, 0.999), description="read by adam and adamw"
    )

    @field_validator("type", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value


class Scheduler(Section):
    """The learning rate over time."""

    type: Literal["constant", "cosine", "step", "plateau", "one_cycle"] = "cosine"
    warmup_epochs: NonNegative = Field(
        default=0.0,
        description="linear rise at the start, fewer than training.epochs; one_cycle: the length "
        "of its rise, 0 for three tenths of the run",
    )
    min_learning_rate: NonNegative = Field(default=0.0, description="no fall goes below it")
    step_epochs: Count = Field(default=30, description="step: epochs between two falls")
    gamma: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1, description="step and plateau: the factor of a fall"
    )
    patience: Count = Field(
        default=5, description="plateau: validations without a lower loss that it bears"
    )

    @field_validator("type", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value


# ---------------------------------------------------------------- training


class Training(Section):
    """The training loop. Every ``auto`` is replaced by a choice once, when training begins, and
    written into the resolved configuration."""

    epochs: Count = Field(default=100, description="at most; early stopping may end it sooner")
    batch_size: Count = Field(
        default=64, description="images a batch over all processes, in evaluation too"
    )
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = Field(
        default="auto", description="auto, cpu, mps, cuda, or cuda:N"
    )
    devices: Count = Field(default=1, description="processes on this machine")
    precision: Literal["fp32", "bf16", "fp16", "fp64"] = Field(
        default="fp32", description="of the arithmetic; fp16 needs a CUDA device"
    )
    gradient_clip_norm: Positive | None = Field(
        default=None, description="largest norm of a step's gradient; null: as it comes"
    )
    accumulate_batches: Count = Field(default=1, description="batches whose gradients make a step")
    channels_last: bool | Literal["auto"] = Field(
        default="auto", description="memory format; auto: where it is measured to be faster"
    )
    fused_optimizer: bool | Literal["auto"] = Field(
        default="auto", description="auto: where the optimiser has a fused form"
    )
    compile: bool | Literal["auto"] = Field(
        default="auto",
        description="torch.compile; auto: where it is measured to be faster and half an hour or "
        "more of training is ahead",
    )
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="of an average of the weights, which is then validated and released",
    )
    batch_norm: Literal["shared", "per_rank"] = Field(
        default="shared", description="batch-norm statistics of several processes"
    )
    workers: Natural = Field(
        default=0, description="threads that prepare batches ahead; the weights are the same"
    )
    threads: Count | None = Field(default=None, description="null: the cores this process may use")


class EarlyStopping(Section):
    """When training ends before its last epoch, and which epoch is the best."""

    enabled: bool = True
    patience: Count = Field(default=10, description="epochs without a better value")
    min_delta: NonNegative = Field(
        default=0.0, description="a value is better only by more than this"
    )
    metric: str = Field(
        default="val_loss", description="chooses the best checkpoint, with enabled: false too"
    )


class RandomCrop(Section):
    size: tuple[Count, Count] = Field(description="height and width: those of data.image_size")
    padding: Natural = Field(default=4, description="pixels of black border that it may take in")


class RandomResizedCrop(Section):
    scale: tuple[Positive, Positive] = Field(
        default=(0.6, 1.0), description="range of the part's share of the area"
    )
    ratio: tuple[Positive, Positive] = Field(
        default=(0.75, 1.3333), description="range of its width by height"
    )


class Flip(Section):
    p: Fraction = Field(default=0.5, description="probability")


class ColorJitter(Section):
    brightness: NonNegative = Field(
        default=0.0, description="0.2: a factor from 0.8 to 1.2; so also the next two"
    )
    contrast: NonNegative = 0.0
    saturation: NonNegative = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.0, description="either way, in full turns"
    )


class Rotation(Section):
    degrees: Annotated[float, Field(ge=0, le=180)] = Field(
        default=10.0, description="either way at most"
    )


class RandomErasing(Section):
    p: Fraction = Field(default=0.25, description="probability")
    scale: tuple[Positive, Positive] = Field(
        default=(0.02, 0.2), description="range of its share of the area"
    )


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
    """Random variations of training images, applied in this order."""

    enabled: bool = True
    transforms: tuple[Transform, ...] = ()


class Checkpointing(Section):
    """Which checkpoints are kept."""

    save_best: bool = Field(default=True, description="a release needs it")
    save_last: bool = Field(default=True, description="a release needs it")
    checkpoint_every_n_epochs: Count | None = Field(
        default=None, description="keep epoch_N.pt of every n-th epoch"
    )
    save_top_k: Natural = Field(default=0, description="keep epoch_N.pt of the k best epochs")
    output_dir: str = Field(
        default="checkpoints/production", description="where they are published, in the project"
    )


def _known_metrics(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    known = [f"{prefix}_{name}" for name in METRICS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return names


class Validation(Section):
    """What is measured on validation images while training."""

    validate_every_n_epochs: Count = Field(default=1, description="and after the last one")
    metrics: tuple[str, ...] = Field(
        default=("val_loss", "val_acc", "val_f1"), description="metric names with val_"
    )

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_metrics("val", names)


class TestSet(Section):
    """The held-out test set. A release needs both switches on."""

    __test__ = False  # not a pytest class

    enabled: bool = True
    evaluate_at_end: bool = True
    metrics: tuple[str, ...] = Field(
        default=tuple(f"test_{name}" for name in METRICS), description="metric names with test_"
    )

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_metrics("test", names)


class Reproducibility(Section):
    """What makes two runs the same."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0, description="of splits, weights, order, augmentation and the bootstrap"
    )
    deterministic: bool = Field(
        default=True, description="only algorithms that give the same bits every time"
    )


# ---------------------------------------------------------------- data


class Fractions(Section):
    """Shares of the splits. Where the source declares splits: of the missing ones, out of train."""

    train: Fraction | None = None
    val: Fraction | None = None
    test: Fraction | None = None


class Card(Section):
    """What a person states about the data; what is left out reads "not stated"."""

    source: str | None = None
    licence: str | None = None
    consent: str | None = Field(default=None, description="of the people shown, or why none")


class Data(Section):
    """The images: where they are, how they are divided, and what the model sees of them."""

    source: Literal["folder", "csv", "npz", "torchvision", "digits"]
    root: str | None = Field(
        default=None, description="folder, CSV file, or npz file; relative to the project"
    )
    dataset: str | None = Field(default=None, description="torchvision data set, such as CIFAR10")
    image_size: Count | tuple[Count, Count] | None = Field(
        default=None, description="height and width the model sees; null: that of the images"
    )
    channels: Literal[1, 3] = Field(
        default=3, description="1 grey, 3 RGB; images of any mode are converted"
    )
    resize: Literal["stretch", "crop", "pad"] = Field(
        default="stretch",
        description="to image_size: ignoring, cutting to, or padding to its shape",
    )
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    mean: tuple[float, ...] | None = Field(
        default=None,
        description="one value a channel, of pixels in [0, 1]; null: of the training split",
    )
    std: tuple[Positive, ...] | None = Field(default=None, description="as mean, and with it")
    fractions: Fractions | None = None
    group_by: str | None = Field(
        default=None,
        description="CSV: a column; folder: a regular expression with one group, on the path",
    )
    path_column: str = Field(default="path", description="CSV")
    label_column: str = Field(default="label", description="CSV")
    split_column: str = Field(default="split", description="CSV; the column may be absent")
    max_unreadable_fraction: Fraction = Field(
        default=0.01, description="with more unreadable images the data set is refused"
    )
    memory_budget_mb: Count = Field(
        default=2048, description="decoded images are kept where they fit, else decoded anew"
    )
    near_duplicate_bits: Annotated[int, Field(ge=0, le=16)] | None = Field(
        default=8,
        description="Hamming distance at which two perceptual hashes propose a pair, which small "
        "thumbnails must confirm; null: exact duplicates only",
    )
    card: Card = Card()


# ---------------------------------------------------------------- what must hold


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


class Approvals(Section):
    """Who must sign a release (item 24)."""

    required: tuple[Literal["technical", "product", "compliance"], ...] = ("technical",)


class Waiver(Section):
    """One item that the team accepts although it does not pass."""

    item: Annotated[int, Field(ge=1, le=24)] = Field(description="24 cannot be waived")
    reason: str = Field(default="", description="without one the waiver does not count")
    by: str = Field(default="", description="who accepts it; without a name it does not count")
    until: datetime.date = Field(description="its last day")


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
    known_issues: str = Field(
        default="known_issues.yaml", description="the file that item 23 reads, in the project"
    )
    approvals: Approvals = Approvals()
    waivers: tuple[Waiver, ...] = ()
