"""Tables of the deployment guide that follow rules: environments, settings, trouble, support."""

from __future__ import annotations

from seatrial.evidence.facts import Facts
from seatrial.evidence.records import Artifact
from seatrial.reports import formats as f
from seatrial.reports.contexts import releases
from seatrial.reports.render import Table
from seatrial.reports.sentences.exports import NAMES

_WORTHWHILE_SPEEDUP = 1.1


def environments(facts: Facts) -> Table:
    """Where to run it and where not, each with the measured reason."""
    rows = [[NAMES[a.format], *_advice(facts, a)] for a in releases.published(facts)]
    artifacts = () if facts.export is None else facts.export.artifacts
    rows += [
        [NAMES[a.format], "no", f"{a.status}: {a.reason or 'no reason recorded'}"]
        for a in artifacts
        if a.status != "exported"
    ]
    gpu = None if facts.benchmark is None else facts.benchmark.gpu
    rows.append(
        ["GPU", "not measured", "no GPU was present when this release was measured"]
        if gpu is None
        else ["GPU", "measure first", f"present when measured: {gpu}; see the table above"]
    )
    rows += [
        [
            "Another processor than the one measured",
            "measure first",
            "latency, and which format is fastest, depend on the processor",
        ],
        ["Phones, browsers, microcontrollers", "not measured", "no such runtime was tried"],
        [
            "Images of another kind than the training data",
            "no",
            "nothing here was measured on them; confidence is no protection",
        ],
    ]
    return {"header": ["Environment", "Recommended", "Why"], "align": "lll", "rows": rows}


def _advice(facts: Facts, artifact: Artifact) -> list[str]:
    verified = releases.verification_of(facts, artifact.format)
    measured = releases.measurement_of(facts, artifact.format)
    if verified is None:
        return ["no", "not verified"]
    if not verified.passed:
        return ["no", f"verification failed: {verified.reason or 'no reason recorded'}"]
    flips = f"{f.count(len(verified.flips))} of {f.count(verified.n)} decisions flip"
    single = releases.latency_at(measured, 1)
    if measured is None or single is None:
        return ["with care", f"{flips}; speed not measured"]
    time = f"p95 {f.milliseconds(single.p95_ms)} at batch 1"
    if artifact.format in ("torchscript", "torch_export"):
        return ["where PyTorch is there anyway", f"{flips}; {time}; needs PyTorch"]
    if artifact.format == "onnx":
        return ["yes", f"{flips}; {time}"]
    speedup = f"{f.ratio(measured.speedup)} the speed of fp32 on the measured machine"
    if measured.speedup is None or measured.speedup < _WORTHWHILE_SPEEDUP:
        return ["only for its size", f"{flips}; {speedup}"]
    return [
        "yes, where the flipped decisions are acceptable" if verified.flips else "yes",
        f"{flips}; {time}; {speedup}",
    ]


def configuration(facts: Facts) -> Table:
    """Settings of the runtime that the measurements hold for."""
    threads = f.NOT_MEASURED if facts.benchmark is None else str(facts.benchmark.threads)
    embedded = facts.export is not None and facts.export.embedded_preprocessing
    return {
        "header": ["Setting", "Value", "Why"],
        "align": "lll",
        "rows": [
            ["intra_op_num_threads", threads, "the measurements hold for this value"],
            ["providers", "CPUExecutionProvider", "the only one verified and measured"],
            ["input dtype", "float32", "every exported file takes it, fp16 and int8 too"],
            [
                "normalisation",
                "in the model" if embedded else "in the caller",
                "export.embed_preprocessing of the configuration",
            ],
            [
                "configuration of the run",
                "configs/final_config.yaml",
                "as resolved for this release",
            ],
            [
                "packages",
                "results/production/requirements.txt",
                "install with python -m pip install -r",
            ],
        ],
    }


def prediction() -> Table:
    """What ``seatrial predict`` writes for an image."""
    return {
        "header": ["Key", "Meaning"],
        "align": "ll",
        "rows": [
            ["input", "the image file as it was named"],
            ["class", "name of the most probable class"],
            ["class_index", "its position, from 0, in the table under Output"],
            ["confidence", "its probability"],
            ["probabilities", "every class with its probability; they sum to 1"],
        ],
    }


def troubleshooting(facts: Facts) -> Table:
    """Symptom, likely cause, remedy."""
    data, export = facts.data, facts.export
    colour = data is not None and data.preprocessing.channels == 3
    embedded = export is not None and export.embedded_preprocessing
    rows = [
        [
            "Answers are wrong or all alike",
            "preprocessing differs from training",
            "use load_image as it stands; compare its array with yours",
        ],
        [
            "Accuracy a few points low",
            "resized with another library or filter",
            "resize with Pillow as in load_image; OpenCV's filters differ",
        ],
        [
            "INVALID_ARGUMENT, unexpected input data type",
            "the array is float64 or uint8",
            "convert to float32",
        ],
        [
            "INVALID_ARGUMENT, invalid dimensions",
            "height, width or channel order differ",
            "give (batch, channels, height, width)",
        ],
        (
            [
                "Probabilities are nearly equal",
                "softmax applied twice",
                "the model applies it already",
            ]
            if embedded
            else ["Probabilities do not sum to 1", "the output holds logits", "apply softmax"]
        ),
        [
            "Slower than measured",
            "more threads than cores, or other load",
            "set intra_op_num_threads to 1 and run one process a core",
        ],
        [
            "seatrial predict refuses the model",
            "not an ONNX file of this release",
            "check its digest with the block under Files",
        ],
        [
            "An image is refused",
            "damaged, empty, or of another format",
            "open it with Pillow; re-encode it as PNG or JPEG",
        ],
    ]
    if colour:
        rows.insert(
            2,
            [
                "Some classes are confused that differ in colour",
                "channels are BGR",
                "give RGB; OpenCV reads BGR",
            ],
        )
    if any(a.format == "onnx_int8" for a in releases.published(facts)):
        rows.append(
            [
                "int8 answers differ from fp32",
                "quantization; also processors without VNNI",
                "compare on the machine that serves; take the fp32 file",
            ]
        )
    return {"header": ["Symptom", "Likely cause", "Remedy"], "align": "lll", "rows": rows}


def support(facts: Facts) -> Table:
    """Whom to ask, where to read, and what to quote."""
    documents = facts.config.documents
    issues = facts.known_issues
    still = None if issues is None else sum(issue.status == "open" for issue in issues)
    return {
        "header": ["What", "Where"],
        "align": "ll",
        "rows": [
            ["Contact", f.stated(documents.contact)],
            ["Documentation", f.stated(documents.documentation_url)],
            ["Registry", f.stated(documents.registry_url)],
            [
                "Known issues",
                facts.known_issues_problem or f"{facts.config.known_issues}: no such file"
                if still is None
                else f"{facts.config.known_issues}: {f.count(still)} open",
            ],
            ["Quote when asking", f"run {facts.run.id}"],
        ],
    }
