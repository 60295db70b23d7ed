"""Facts as types: what each step measured, written as ``record.json`` beside its other files.

A record holds what was measured and nothing that can be derived by a template. Paths in a record
are relative to the folder of the step that wrote it. Accuracies and rates are fractions in
[0, 1]; a unit stands in the name where a reader could err.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of all records: frozen, unknown keys refused, no NaN or infinity in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(Record):
    """A measured value. ``interval`` is the 95 % interval. An undefined value is None, with why;
    a defined one has a reason where it leaves something out or has no interval."""

    value: float | None
    interval: tuple[float, float] | None = None
    reason: str | None = None


class Preprocessing(Record):
    """What happens to an image between the file and the model's input, in this order.

    Decode, apply EXIF orientation, convert to ``channels`` (1 grey, 3 RGB), resize to
    ``height`` × ``width`` by ``resize`` with ``interpolation`` (Pillow's filters, antialiased),
    divide by 255, subtract ``mean``, divide by ``std`` (one value a channel), order as NCHW.
    """

    height: int
    width: int
    channels: Literal[1, 3]
    resize: Literal["stretch", "crop", "pad"]
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"]
    mean: tuple[float, ...]
    std: tuple[float, ...]


# ---------------------------------------------------------------- data


class SplitCount(Record):
    """How many images of each class a split holds, in the order of the classes."""

    split: Literal["train", "val", "test"]
    total: int
    per_class: tuple[int, ...]
    digest: str
    """SHA-256 over the sorted (content digest, label) of its images."""


class Unreadable(Record):
    """An image that could not be used, and why."""

    id: str
    reason: str


class Pair(Record):
    """Two images that are the same or nearly so. ``distance`` counts differing hash bits."""

    first: str
    second: str
    first_split: str
    second_split: str
    first_label: str
    second_label: str
    kind: Literal["exact", "near"]
    distance: int


class DataCard(Record):
    """What a person states about the data; absent is 'not stated'."""

    source: str = "not stated"
    licence: str = "not stated"
    consent: str = "not stated"


class DataRecord(Record):
    """The data set as found: identity, splits, description and leakage."""

    digest: str
    """SHA-256 over the sorted (id, content digest, label, split) of every usable image."""
    source: str
    classes: tuple[str, ...]
    splits: tuple[SplitCount, ...]
    split_method: str
    """How splits came about, as a phrase."""
    unreadable: tuple[Unreadable, ...]
    total_found: int
    modes: dict[str, int]
    sizes: dict[str, int]
    """Count of images by 'WIDTHxHEIGHT', the 20 most frequent, then 'other'."""
    width_range: tuple[int, int]
    height_range: tuple[int, int]
    preprocessing: Preprocessing
    """With mean and standard deviation measured on the training split, unless configured."""
    channel_mean: tuple[float, ...] = ()
    """Of the training split's pixels at the model's size, in [0, 1], measured whatever is
    configured; empty: not measured."""
    channel_std: tuple[float, ...] = ()
    """Standard deviation of the same pixels; empty: not measured."""
    image_mean_std: tuple[float, ...] = ()
    """Standard deviation, over the training images, of each image's own channel mean."""
    duplicate_method: str
    """How duplicates were looked for, as a phrase."""
    duplicates_within: tuple[Pair, ...]
    """Pairs in one split, the nearest first. This list and the next two hold at most 1,000."""
    duplicates_within_total: int = 0
    """How many such pairs there are, listed or not; so also below."""
    leakage: tuple[Pair, ...]
    """Pairs across splits: exact or near duplicates."""
    leakage_total: int = 0
    conflicting_labels: tuple[Pair, ...]
    """Pairs under two labels, in one split or in two."""
    conflicting_labels_total: int = 0
    groups_crossing: tuple[str, ...]
    card: DataCard
    warnings: tuple[str, ...]
    plots: tuple[str, ...] = ()
    streamed: bool
    seconds: float


# ---------------------------------------------------------------- training


class Epoch(Record):
    """One epoch's figures. ``metrics`` are validation metrics by name (``val_loss`` …)."""

    epoch: int
    learning_rate: float
    train_loss: float
    train_acc: float
    metrics: dict[str, float | None]
    seconds: float
    images_per_second: float


class Diagnosis(Record):
    """Something noticed during training. ``critical`` ones keep a model from release."""

    kind: Literal["not_a_number", "divergence", "stalled", "overfitting", "not_learning"]
    critical: bool
    epoch: int
    message: str


class Checkpoint(Record):
    """A checkpoint on disk."""

    role: Literal["best", "last", "epoch", "given"]
    path: str
    epoch: int
    sha256: str


class TrainRecord(Record):
    """The final training, or the checkpoint that was given instead."""

    trained_elsewhere: bool
    architecture: str
    parameters: int
    epochs_planned: int
    epochs: tuple[Epoch, ...]
    stopped: Literal["early_stopping", "last_epoch", "trained_elsewhere"]
    monitor: str
    """The validation metric that chose the best epoch, such as ``val_acc``."""
    best_epoch: int
    best_value: float | None
    checkpoints: tuple[Checkpoint, ...]
    last_resumable: bool | None
    """The last checkpoint was loaded anew and gave the same model, optimiser, schedule and
    random states. None where the model was trained elsewhere."""
    diagnoses: tuple[Diagnosis, ...]
    resumed_at_epochs: tuple[int, ...]
    seed: int
    deterministic: bool
    device: str
    precision: str
    threads: int
    processes: int
    batch_norm: Literal["one_process", "shared", "per_rank"] = "one_process"
    """Whose batch-norm statistics: with several processes of all of them, or of each alone."""
    batch_size: int
    images_per_second: float | None
    seconds: float
    plots: tuple[str, ...] = ()


# ---------------------------------------------------------------- evaluation


class ClassResult(Record):
    """One class on the test set."""

    name: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    auc: Estimate


class Mistake(Record):
    """A wrong prediction."""

    id: str
    true: str
    predicted: str
    confidence: float


class Confusion(Record):
    """A pair of classes that the model confuses: ``count`` images of ``true`` called other."""

    true: str
    predicted: str
    count: int
    share_of_true: float


class CalibrationBin(Record):
    """One equal-width confidence bin."""

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None
    interval: tuple[float, float] | None = None
    """95 % interval of the accuracy."""


class Gap(Record):
    """Validation minus test accuracy: unpaired, Newcombe's interval, two-sided z-test."""

    value: float
    interval: tuple[float, float]
    p_value: float
    judgement: Literal["good", "acceptable", "too large"]
    causes: tuple[str, ...] = ()


class EvaluationRecord(Record):
    """The best checkpoint on the held-out test set, once."""

    checkpoint_sha256: str
    test_digest: str
    n_test: int
    n_val: int
    test: dict[str, Estimate]
    """By metric name without prefix: loss, acc, f1, f1_weighted, precision, recall, auc, mcc,
    nll, brier, ece, top5 …"""
    val: dict[str, Estimate]
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows are true classes, columns predicted ones."""
    bins: tuple[CalibrationBin, ...]
    mistakes: tuple[Mistake, ...]
    """The most confident first, at most 24."""
    n_mistakes: int
    confusions: tuple[Confusion, ...]
    gap: Gap
    recorded_value: float | None
    """The monitored validation metric as the checkpoint recorded it; None if it has none."""
    reevaluated_value: float | None
    repeat_identical: bool
    """A second pass over the test set gave bitwise the same logits."""
    ledger_count: int
    """Distinct (weights, test set) pairs evaluated in this project so far, this one included."""
    needed_n_test: int | None
    """Test images needed so that an accuracy as measured would prove the target; None without
    a target, or where the measured accuracy does not exceed it."""
    confidence_quantiles: dict[str, float] = Field(default_factory=dict)
    """Confidence of the predicted class on validation images: ``mean``, ``std``, and the quantiles
    ``0.01``, ``0.05``, ``0.5``; empty: not measured. Monitoring derives its bounds from these."""
    predicted_shares: tuple[float, ...] = ()
    """Share of validation images predicted as each class; empty: not measured."""
    warnings: tuple[str, ...]
    plots: tuple[str, ...] = ()
    seconds: float


# ---------------------------------------------------------------- export, verification, measurement

Format = Literal["onnx", "onnx_fp16", "onnx_int8", "torchscript", "torch_export"]


class Artifact(Record):
    """One exported format. ``path`` is None where it failed or was not good enough."""

    format: Format
    path: str | None
    size_bytes: int | None
    sha256: str | None
    opset: int | None = None
    status: Literal["exported", "failed", "rejected"]
    reason: str | None = None
    seconds: float


class QuantizationTrial(Record):
    """One int8 setting tried, measured on validation images."""

    activation: Literal["uint8", "int8"]
    per_channel: bool
    calibration: Literal["minmax", "percentile"]
    operators: Literal["all", "matrix"]
    nodes_in_float: tuple[str, ...] = ()
    val_acc: float | None
    val_acc_drop: float | None
    """Accuracy of fp32 minus int8 on the same images, as a fraction."""
    flips: int | None
    latency_ms: float | None
    """Median at batch 1, this trial's setting, measured in turn with fp32."""
    speedup: float | None
    """fp32 median latency divided by this one's."""
    size_bytes: int | None
    error: str | None = None
    skipped: str | None = None
    """Why the setting was not tried; None where it was."""
    chosen: bool = False


class ExportRecord(Record):
    """Every format asked for, and the search for an int8 setting."""

    input_shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: tuple[str, ...]
    embedded_preprocessing: bool
    artifacts: tuple[Artifact, ...]
    trials: tuple[QuantizationTrial, ...]
    n_calibration: int
    n_search: int
    fp32_val_acc: float | None
    quantization_summary: str
    seconds: float


class Flip(Record):
    """An image on which the export decides otherwise. Margins are top-1 minus top-2 logit."""

    id: str
    true: str
    reference: str
    exported: str
    reference_margin: float
    exported_margin: float
    tie: bool


class FormatVerification(Record):
    """One exported file against the model, on the whole test set, in a process of its own."""

    format: Format
    passed: bool
    reason: str | None
    n: int
    accuracy: Estimate | None
    reference_accuracy: float
    accuracy_difference: float | None
    """Reference minus export, as a fraction."""
    accuracy_bound: float
    max_logit_difference: float | None
    mean_logit_difference: float | None
    flips: tuple[Flip, ...]
    flips_beyond_ties: int | None
    mcnemar_p: float | None
    ece: float | None
    batch_differences: dict[str, float]
    """Largest logit difference against the batch of the run, by batch size 1, 2, 7, 32."""
    golden_n: int
    golden_agree: int | None
    golden_max_difference: float | None
    """From file to logits through the serving path, against training's preprocessing."""
    seconds: float


class VerificationRecord(Record):
    """Every format's verification."""

    formats: tuple[FormatVerification, ...]
    seconds: float


class Latency(Record):
    """Milliseconds for one call at a batch size."""

    batch: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    repetitions: int
    images_per_second: float


class FormatMeasurement(Record):
    """One exported file measured in fresh processes. MB are 10^6 bytes.

    Where ``error`` is set, what could not be measured is None and ``latencies`` is empty.
    """

    format: Format
    load_ms: float | None
    """Median over the processes: from the file to a model that can be called, imports aside."""
    latencies: tuple[Latency, ...]
    peak_memory_mb: float | None
    """Largest resident set of any of the processes: interpreter, runtime, model and inputs."""
    gpu_memory_mb: float | None
    size_mb: float | None
    speedup: float | None
    """Median latency of fp32 ONNX at batch 1 divided by this one's."""
    error: str | None = None
    processes: int = 1
    """Fresh processes that were measured: fewer for the formats that need torch to start."""
    import_ms: float | None = None
    """Median time to import the runtime, which every fresh process pays before loading."""


class BenchmarkRecord(Record):
    """Latency, throughput, memory and size of every format, interleaved on one machine."""

    processor: str
    cores: int
    threads: int
    load_average: float
    gpu: str | None
    versions: dict[str, str]
    formats: tuple[FormatMeasurement, ...]
    processes_per_format: int
    """As asked for; a format's own ``processes`` says how many there were."""
    seconds: float


class LoadTestRecord(Record):
    """Requests against the predictor in this process, each one from image file bytes to answer.

    Latency counts from the moment a request was due. ``loop`` open: due times follow the given
    rate, whether or not earlier requests were answered, so that waiting is counted. Closed: a
    worker's next request is due when its last one is answered, so the figures say how the model
    does under ``concurrency`` callers that wait, not under traffic that does not.
    """

    model: str
    model_sha256: str
    loop: Literal["open", "closed"]
    requests_per_second_due: float | None
    """The rate asked for; None in a closed loop."""
    num_requests: int
    concurrency: int
    threads: int
    """Threads of the runtime within one call."""
    inputs: Literal["given", "generated"]
    n_inputs: int
    errors: int
    error_reasons: dict[str, int]
    p50_ms: float | None
    """Of the requests that were answered; None where there is none."""
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    requests_per_second: float
    """Answered requests by the time from the first due to the last answered."""
    processor: str
    cores: int
    seconds: float


# ---------------------------------------------------------------- documents and verdicts


class CodeBlock(Record):
    """A code block of a document, run in the folder that a user would have."""

    document: str
    index: int
    language: str
    first_line: str
    exit_code: int | None
    error: str | None
    seconds: float


class Document(Record):
    """A rendered document, the sections it must have, and those that are missing."""

    name: str
    path: str
    sections: tuple[str, ...]
    missing_sections: tuple[str, ...]


class DocumentsRecord(Record):
    """What the document step rendered and ran."""

    documents: tuple[Document, ...]
    code_blocks: tuple[CodeBlock, ...]
    seconds: float


Verdict = Literal["PASS", "FAIL", "ERROR", "SKIPPED"]


class EvidenceFile(Record):
    """A file a verdict rests on, relative to the repository, with the digest of its bytes."""

    path: str
    sha256: str


class WaiverRecord(Record):
    """A waiver that counts: it stands beside the verdict and does not change it."""

    item: int
    reason: str
    by: str
    until: str


class ItemVerdict(Record):
    """One checklist item judged."""

    id: int
    title: str
    verdict: Verdict
    reason: str
    waiver: WaiverRecord | None = None
    measured: str | None
    bound: str | None
    evidence: tuple[EvidenceFile, ...]
    remedy: str


class GateRecord(Record):
    """All items of a checklist judged. ``passed``: every item PASS, or waived validly."""

    checklist: str
    run: str
    release_digest: str
    passed: bool
    decision: str
    items: tuple[ItemVerdict, ...] = Field(default=())


# ---------------------------------------------------------------- what travels with a model


class ModelMetadata(Record):
    """What a model file needs to be used, in its metadata (key ``seatrial``, as JSON) and beside
    it as ``<file>.json``. ``output`` names what the graph gives: logits or probabilities."""

    schema_version: Literal[1] = 1
    name: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    embedded_preprocessing: bool = False
    """True: the graph takes ``(N, C, H, W)`` float32 in [0, 255] and gives probabilities."""
    output: Literal["logits", "probabilities"] = "logits"
    format: Format
    colour_order: Literal["RGB", "grey"]
    checkpoint_sha256: str


# ---------------------------------------------------------------- the run itself


class Lineage(Record):
    """The repository when the run began. Files that Seatrial publishes do not make it dirty."""

    commit: str | None
    branch: str | None
    dirty: tuple[str, ...]
    reason: str | None = None
    """Why there is no commit, where there is none."""


class Environment(Record):
    """What the run ran on."""

    python: str
    platform: str
    processor: str
    cores: int
    memory_mb: int
    gpu: str | None
    packages: dict[str, str]
    """Every installed distribution and its version."""
    seatrial_version: str
    code_sha256: str
    """Digest of the installed package's files."""


class RunRecord(Record):
    """``run.json``, written when a run begins."""

    id: str
    command: str
    started: str
    """UTC, ISO 8601."""
    config_path: str | None
    config_sha256: str
    overrides: tuple[str, ...]
    vouched_by: str | None
    """The earlier gate that vouches for this configuration; None where it was given by hand."""
    checkpoint: str | None = None
    """A checkpoint trained elsewhere, relative to the project or absolute."""
    git: Lineage
    environment: Environment


class FileDigest(Record):
    """A file of a step, relative to the step's folder."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(Record):
    """``manifest.json``: written last, so its presence means that the step is whole."""

    schema_version: Literal[1] = 1
    step: str
    inputs: dict[str, str]
    """Digest of each thing that went in: earlier steps' manifests, the config's slice, code."""
    started: str
    finished: str
    files: tuple[FileDigest, ...]


class KnownIssue(Record):
    """One entry of ``known_issues.yaml``."""

    id: str
    title: str
    severity: Literal["critical", "major", "minor"]
    status: Literal["open", "closed"]
