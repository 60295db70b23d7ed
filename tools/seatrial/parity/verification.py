"""Every exported file run on the whole test set, each in a process of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.errors import InputError, SeatrialError
from seatrial.evidence.records import (
    Artifact,
    ExportRecord,
    FormatVerification,
    Preprocessing,
    VerificationRecord,
)
from seatrial.export.interface import Images
from seatrial.files import disk_errors
from seatrial.isolation import run_child
from seatrial.machine import usable_cores
from seatrial.parity.comparing import (
    COARSE,
    EXACT_FORMATS,
    ROUNDING,
    Comparison,
    compare,
    log_probabilities,
)

Emit = Callable[[dict[str, object]], None]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

GOLDEN_IMAGES = 16
_CHUNK = 256
_SECONDS, _SECONDS_AN_IMAGE = 600.0, 1.0


@dataclass(frozen=True)
class _Test:
    """The test set on disk, and what the model said of it."""

    pixels: Path
    golden: Sequence[Mapping[str, object]]
    preprocessing: Preprocessing
    reference: npt.NDArray[np.floating[Any]]
    """Logits ``(N, K)``, or log-probabilities where the exports give probabilities."""
    labels: Indices
    ids: Sequence[str]
    classes: Sequence[str]
    bound: float
    threads: int
    work: Path

    @property
    def reference_accuracy(self) -> float:
        return float((self.reference.argmax(axis=1) == self.labels).mean())


def verify(
    export_record: ExportRecord,
    export_dir: Path,
    dataset: Images,
    *,
    reference_logits: Floats,
    test_indices: Indices,
    bound: float,
    threads: int,
    output: Path,
    emit: Emit,
) -> VerificationRecord:
    """Compare every exported file with the model, image by image.

    A format **passes** if its process ends well, it loses at most ``bound`` of accuracy, the
    golden images' files give the answer that training's pixels give, batches of other sizes give
    the same logits within rounding, and, for the float32 formats, no decision flips beyond ties.
    A format that failed to export fails here too; one rejected by the int8 search is left out.

    :param reference_logits: ``(N, K)``: the torch model's, for ``test_indices`` in their order.
    :param bound: largest loss of accuracy, as a fraction.
    :param output: the step's folder; pixels lie there while the processes run.
    :raises InputError: no test images, logits of another number, or a disk that takes no file.
    """
    started = time.perf_counter()
    if len(test_indices) == 0 or len(test_indices) != len(reference_logits):
        raise InputError(
            f"verify: logits of every test image required, {len(reference_logits)} given for"
            f" {len(test_indices)} images"
        )
    output.mkdir(parents=True, exist_ok=True)
    artifacts = [one for one in export_record.artifacts if one.status != "rejected"]
    embedded = export_record.embedded_preprocessing
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=output) as folder:
        work = Path(folder)
        test = _Test(
            pixels=_write_pixels(dataset, test_indices, work / "pixels.npy"),
            golden=_write_golden(dataset, test_indices, work),
            preprocessing=dataset.spec,
            reference=log_probabilities(reference_logits) if embedded else reference_logits,
            labels=dataset.labels(test_indices),
            ids=list(dataset.ids(test_indices)),
            classes=list(dataset.classes),
            bound=bound,
            threads=threads,
            work=work,
        )

        def one(artifact: Artifact) -> FormatVerification:
            result = _verify(artifact, export_dir, test)
            emit(
                {
                    "event": "verify",
                    "format": result.format,
                    "passed": result.passed,
                    "flips": len(result.flips),
                    "seconds": round(result.seconds, 3),
                }
            )
            return result

        at_once = max(1, usable_cores() // threads)
        with ThreadPoolExecutor(min(at_once, max(1, len(artifacts)))) as pool:
            formats = tuple(pool.map(one, artifacts))
    return VerificationRecord(formats=formats, seconds=time.perf_counter() - started)


def _write_pixels(dataset: Images, indices: Indices, path: Path) -> Path:
    """All test pixels as one array file, read a part at a time. Written, not mapped: a full disk
    under a mapping kills the process."""
    spec = dataset.spec
    header = {
        "descr": "|u1",
        "fortran_order": False,
        "shape": (len(indices), spec.height, spec.width, spec.channels),
    }
    with disk_errors(path), path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, len(indices), _CHUNK):
            stream.write(dataset.pixels(indices[start : start + _CHUNK]).tobytes())
    return path


def _write_golden(dataset: Images, indices: Indices, work: Path) -> Sequence[Mapping[str, object]]:
    count = min(GOLDEN_IMAGES, len(indices))
    positions = np.unique(np.linspace(0, len(indices) - 1, count).astype(np.int64))
    golden = []
    for position in positions:
        file = work / f"golden_{position}"
        with disk_errors(file):
            file.write_bytes(dataset.raw_bytes(int(indices[position])))
        golden.append({"file": str(file.resolve()), "position": int(position)})
    return golden


def _verify(artifact: Artifact, export_dir: Path, test: _Test) -> FormatVerification:
    started = time.perf_counter()
    if artifact.path is None or artifact.sha256 is None:
        return _unverified(artifact, f"not exported: {artifact.reason}", test, 0.0)
    folder = test.work / artifact.format
    folder.mkdir()
    job = {
        "format": artifact.format,
        "path": str((export_dir / artifact.path).resolve()),
        "sha256": artifact.sha256,
        "pixels": str(test.pixels.resolve()),
        "preprocessing": test.preprocessing.model_dump(mode="json"),
        "golden": test.golden,
        "threads": test.threads,
    }
    try:
        answer = run_child(
            "seatrial.parity.child",
            job,
            folder,
            threads=test.threads,
            timeout_s=_SECONDS + _SECONDS_AN_IMAGE * len(test.labels),
        )
        logits: Floats = np.load(folder / "logits.npy", allow_pickle=False)
        if logits.shape != test.reference.shape:
            raise InputError(f"logits {test.reference.shape} required, {logits.shape} found")
    except SeatrialError as error:
        return _unverified(artifact, str(error), test, time.perf_counter() - started)
    found = compare(test.reference, logits, test.labels, test.ids, test.classes)
    return _judged(artifact, answer, found, test, time.perf_counter() - started)


def _judged(
    artifact: Artifact,
    answer: Mapping[str, Any],
    found: Comparison,
    test: _Test,
    seconds: float,
) -> FormatVerification:
    reasons = failures(
        found,
        exact=artifact.format in EXACT_FORMATS,
        bound=test.bound,
        batches=answer["batches"],
        golden_n=len(test.golden),
        golden_agree=answer["golden_agree"],
        golden_difference=answer["golden_max_difference"],
    )
    return FormatVerification(
        format=artifact.format,
        passed=not reasons,
        reason="; ".join(reasons) or None,
        n=len(test.labels),
        accuracy=found.accuracy,
        reference_accuracy=found.reference_accuracy,
        accuracy_difference=found.accuracy_difference,
        accuracy_bound=test.bound,
        max_logit_difference=found.max_logit_difference,
        mean_logit_difference=found.mean_logit_difference,
        flips=found.flips,
        flips_beyond_ties=found.beyond_ties,
        mcnemar_p=found.mcnemar_p,
        ece=found.ece,
        batch_differences=answer["batches"],
        golden_n=len(test.golden),
        golden_agree=answer["golden_agree"],
        golden_max_difference=answer["golden_max_difference"],
        seconds=seconds,
    )


def failures(
    found: Comparison,
    *,
    exact: bool,
    bound: float,
    batches: Mapping[str, float],
    golden_n: int,
    golden_agree: int,
    golden_difference: float,
) -> list[str]:
    """Why a format does not pass, one phrase each; empty if it does."""
    reasons = []
    if found.accuracy_difference > bound + 1e-12:
        reasons.append(
            f"loses {found.accuracy_difference * 100:.2f} points of accuracy,"
            f" {bound * 100:.2f} allowed"
        )
    if exact and found.beyond_ties:
        reasons.append(
            f"{found.beyond_ties} decisions flip beyond ties, none allowed in float32 (largest"
            f" logit difference {found.max_logit_difference:.3g})"
        )
    limit = found.rounding * (1 if exact else COARSE / ROUNDING)
    for size, difference in batches.items():
        if difference > limit:
            reasons.append(
                f"at batch {size} logits differ by {difference:.3g} from those of the run's batch,"
                f" {limit:.3g} allowed"
            )
    if golden_agree < golden_n or golden_difference > found.rounding:
        reasons.append(
            f"{golden_agree} of {golden_n} golden images give training's answer from their file"
            f" (largest logit difference {golden_difference:.3g}, {found.rounding:.3g} allowed)"
        )
    return reasons


def _unverified(artifact: Artifact, reason: str, test: _Test, seconds: float) -> FormatVerification:
    return FormatVerification(
        format=artifact.format,
        passed=False,
        reason=reason,
        n=len(test.labels),
        accuracy=None,
        reference_accuracy=test.reference_accuracy,
        accuracy_difference=None,
        accuracy_bound=test.bound,
        max_logit_difference=None,
        mean_logit_difference=None,
        flips=(),
        flips_beyond_ties=None,
        mcnemar_p=None,
        ece=None,
        batch_differences={},
        golden_n=len(test.golden),
        golden_agree=None,
        golden_max_difference=None,
        seconds=seconds,
    )
