"""Context of ``deployment_guide.md``: what a reader needs to run the released files."""

from __future__ import annotations

import math
import shlex

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import ExportRecord, Preprocessing
from seatrial.reports import formats as f
from seatrial.reports.contexts import export_tables, releases
from seatrial.reports.contexts.deployment_tables import (
    configuration,
    environments,
    prediction,
    support,
    troubleshooting,
)
from seatrial.reports.contexts.header import header
from seatrial.reports.contexts.monitoring_guide import headline_thresholds
from seatrial.reports.render import Table
from seatrial.reports.sentences import exports

IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""As :data:`seatrial.preprocessing.FORMATS`; a test keeps them equal."""
_FILTERS = {
    "nearest": "NEAREST",
    "bilinear": "BILINEAR",
    "bicubic": "BICUBIC",
    "lanczos": "LANCZOS",
}
_RESIZES = {
    "stretch": "stretched to the size, its aspect not kept",
    "crop": "scaled to cover the size and cropped at the centre",
    "pad": "scaled to fit the size and padded with black",
}
_LOAD_TEST_SIZES = (1000, 500, 200, 100, 50, 20)
_LOAD_TEST_SECONDS = 3.0
_USE_OF_A_PROCESS = 0.7
_EXAMPLE_RATE = 100


def context(facts: Facts) -> dict[str, object]:
    """Facts with data, evaluation and export → the template's values."""
    export, data = facts.export, facts.data
    if export is None or data is None or facts.evaluate is None:
        raise ValueError("a deployment guide needs the steps data, evaluate and export")
    return {
        "title": "Deployment guide",
        "header": header(facts),
        "overview": _overview(facts),
        "files": _files(facts),
        "input_table": _input(data.preprocessing, export.embedded_preprocessing),
        "output_table": _output(export),
        "classes": _classes(export.classes),
        "preprocessing_notes": _preprocessing_notes(data.preprocessing, export),
        "postprocessing_notes": _postprocessing_notes(export),
        "onnx_missing": [
            "No usable ONNX file is part of this release.",
            *exports.artifacts(export),
        ],
        "torch_notes": _torch_notes(facts),
        "torch_missing": ["No usable TorchScript or torch.export file is part of this release."],
        "performance": export_tables.measurements_table(facts),
        "performance_notes": [
            *export_tables.measuring_conditions(facts),
            *([] if facts.benchmark is None else exports.speed(facts.benchmark)),
        ],
        "monitoring": headline_thresholds(facts),
        "environments": environments(facts),
        "configuration": configuration(facts),
        "scaling": _scaling(facts),
        "prediction_table": prediction(),
        "load_test_notes": _load_test_notes(facts),
        "troubleshooting": troubleshooting(facts),
        "support": support(facts),
        "code": _code(facts, export, data.preprocessing),
    }


def _code(facts: Facts, export: ExportRecord, spec: Preprocessing) -> dict[str, object]:
    """The values that code blocks hold, all of them plain."""
    primary = releases.primary_onnx(facts)
    torch_files = releases.usable(facts, ("torchscript", "torch_export"))
    return {
        "height": spec.height,
        "width": spec.width,
        "channels": spec.channels,
        "mode": "L" if spec.channels == 1 else "RGB",
        "mean": spec.mean,
        "std": spec.std,
        "resize": spec.resize,
        "filter": _FILTERS[spec.interpolation],
        "formats": IMAGE_FORMATS,
        "embedded": export.embedded_preprocessing,
        "n_classes": len(export.classes),
        "threads": 1 if facts.benchmark is None else facts.benchmark.threads,
        "onnx": "" if primary is None else shlex.quote(releases.published_path(primary)),
        "torch": [(releases.published_path(a), a.format) for a in torch_files],
        "digests": [
            (releases.published_path(a), a.sha256) for a in releases.published(facts) if a.sha256
        ],
        "num_requests": _num_requests(facts),
    }


def _overview(facts: Facts) -> list[str]:
    documents, evaluation, train = facts.config.documents, facts.evaluate, facts.train
    primary = releases.primary_onnx(facts)
    n_classes = len(facts.export.classes) if facts.export else 0
    lines = [
        f"Purpose: {f.stated(documents.purpose)}.",
        f"Task: image classification, one answer of {f.count(n_classes)} for an image.",
    ]
    if train is not None:
        lines.append(
            f"Architecture: {train.architecture}, {f.plural(train.parameters, 'parameter')}."
        )
    if evaluation is not None:
        lines.append(
            f"Test accuracy: {f.estimate(evaluation.test.get('acc'), True)} on"
            f" {f.plural(evaluation.n_test, 'image')}."
        )
    if primary is None:
        lines.append("Recommended file: none, since no ONNX file is usable.")
    else:
        lines.append(
            f"Recommended file: {releases.published_path(primary)}"
            f" ({exports.NAMES[primary.format]}, {f.size(primary.size_bytes)})."
        )
    return lines


def _files(facts: Facts) -> Table:
    rows = [
        [releases.published_path(a), exports.NAMES[a.format], f.size(a.size_bytes)]
        for a in releases.published(facts)
    ]
    rows += [
        [
            f"{releases.published_path(a)}.json",
            f"classes and preprocessing of {exports.NAMES[a.format]}",
            "small",
        ]
        for a in releases.published(facts)
    ]
    rows += [
        [releases.SAMPLE, "a test image, for trying the code below", "small"],
        ["configs/final_config.yaml", "the configuration of the run", "small"],
        ["results/production/requirements.txt", "exact versions of the packages", "small"],
        ["results/production/test_results.md", "what was measured on the test set", "small"],
        ["docs/model_card.md", "intended use and limits", "small"],
        ["docs/monitoring_guide.md", "alarm bounds", "small"],
    ]
    return {"header": ["File", "What it is", "Size"], "align": "llr", "rows": rows}


def _input(spec: Preprocessing, embedded: bool) -> Table:
    shape = f"(batch, {spec.channels}, {spec.height}, {spec.width})"
    rows = [
        ["Name", "input"],
        ["Shape", f"{shape}, any batch size"],
        ["Type", "float32"],
        ["Layout", "NCHW: image, channel, row, column"],
        ["Colour order", "grey" if spec.channels == 1 else "RGB"],
        ["Resize", f"to {spec.height} × {spec.width} (height × width), {_RESIZES[spec.resize]}"],
        [
            "Interpolation",
            f"{spec.interpolation} of Pillow, antialiased"
            if spec.interpolation != "nearest"
            else "nearest of Pillow",
        ],
    ]
    if embedded:
        rows.append(["Values", "0 to 255; the graph divides, subtracts mean, divides by deviation"])
    else:
        rows.append(["Values", "(x / 255 − mean) / std, by channel"])
    rows += [["Mean", _numbers(spec.mean)], ["Standard deviation", _numbers(spec.std)]]
    return {"header": ["Property", "Value"], "align": "ll", "rows": rows}


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f.decimal(value, 6) for value in values)


def _output(export: ExportRecord) -> Table:
    kind = "probabilities, rows sum to 1" if export.embedded_preprocessing else "logits"
    return {
        "header": ["Property", "Value"],
        "align": "ll",
        "rows": [
            ["Name", "output"],
            ["Shape", f"(batch, {len(export.classes)})"],
            ["Type", "float32"],
            ["Meaning", kind],
        ],
    }


def _classes(names: tuple[str, ...]) -> Table:
    rows = [[str(index), name] for index, name in enumerate(names)]
    return {"header": ["Index", "Class"], "align": "rl", "rows": rows}


def _preprocessing_notes(spec: Preprocessing, export: ExportRecord) -> list[str]:
    grey = "grey" if spec.channels == 1 else "RGB"
    lines = [
        "This code is the preprocessing of training, for every image below.",
        f"Files: {', '.join(IMAGE_FORMATS)}; of several frames or pages the first.",
        "Orientation: turned upright by the EXIF tag.",
        f"Modes: grey, palette, RGB, CMYK and others become {grey}; 16 bits a channel are scaled to"
        " 8; transparent parts are laid on white.",
        "Not handled: damaged files and images of unbounded size; the code raises on the former,"
        " and Pillow only warns of the latter.",
    ]
    if export.embedded_preprocessing:
        lines.append("Normalisation is part of the model and must not be applied again.")
    return lines


def _postprocessing_notes(export: ExportRecord) -> list[str]:
    first = (
        "The output holds probabilities: do not apply softmax again."
        if export.embedded_preprocessing
        else "The output holds logits: softmax makes them probabilities."
    )
    return [
        first,
        "The answer is the class of the largest probability.",
        "A threshold on confidence, below which no answer is given, is for the application to"
        " choose, on validation data; the calibration figures in the test results say what a"
        " confidence is worth.",
    ]


def _torch_notes(facts: Facts) -> list[str]:
    lines = [
        "Needs torch, numpy and pillow. Loading runs code that the file holds: check its digest"
        " first, with the block under Files."
    ]
    if releases.usable(facts, ("torchscript",)):
        lines.append("PyTorch calls TorchScript deprecated and warns when it loads a file.")
    return lines


def _scaling(facts: Facts) -> list[str]:
    primary = releases.primary_onnx(facts)
    measured = None if primary is None else releases.measurement_of(facts, primary.format)
    single = releases.latency_at(measured, 1)
    if primary is None or measured is None or single is None or facts.benchmark is None:
        return ["Not measured: there are no latencies to plan with."]
    threads = f.plural(facts.benchmark.threads, "thread")
    lines = [
        f"One process with {threads} answers {f.rate(single.images_per_second)} at batch 1.",
    ]
    largest = max(measured.latencies, key=lambda latency: latency.batch)
    if largest.batch > 1:
        gain = largest.images_per_second / single.images_per_second
        verb = "pays" if gain > 1.1 else "does not pay"
        lines.append(
            f"At batch {largest.batch} it answers {f.rate(largest.images_per_second)},"
            f" {f.ratio(gain)} as many: batching {verb} on this machine."
        )
    processes = math.ceil(_EXAMPLE_RATE / (_USE_OF_A_PROCESS * single.images_per_second))
    lines += [
        "Processes for R images a second: R / (0.7 × throughput at batch 1), rounded up; the 0.7"
        " leaves room for peaks.",
        f"Example: {_EXAMPLE_RATE} images a second need"
        f" {f.plural(processes, 'process', 'processes')}, decoding not counted.",
        f"Memory: {f.megabytes(measured.peak_memory_mb)} a process at its peak, interpreter and"
        " runtime included.",
        "Try one process a core with one thread each before giving a process more threads.",
    ]
    return lines


def _num_requests(facts: Facts) -> int:
    """As many requests as take about three seconds on the measured machine, at most 1,000."""
    primary = releases.primary_onnx(facts)
    measured = None if primary is None else releases.measurement_of(facts, primary.format)
    single = releases.latency_at(measured, 1)
    if single is None:
        return _LOAD_TEST_SIZES[-1]
    affordable = _LOAD_TEST_SECONDS * 1000 / max(single.p50_ms, 1e-3)
    return next((n for n in _LOAD_TEST_SIZES if n <= affordable), _LOAD_TEST_SIZES[-1])


def _load_test_notes(facts: Facts) -> list[str]:
    requests = f.count(_num_requests(facts))
    return [
        f"Sends {requests} images from 10 workers to one process and reports latency and"
        " throughput; raise the number for a longer test.",
        "Each worker waits for its answer before it asks again: the figures are those of 10 callers"
        " that wait, not of independent traffic.",
    ]
