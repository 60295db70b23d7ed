"""Every exported file run on the whole test set, each in a process of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.artifacts import copy_unlinked, take
from seatrial.errors import InputError, SeatrialError
from seatrial.evidence.records import (
    Artifact,
    ExportRecord,
    FormatVerification,
    VerificationRecord,
)
from seatrial.export.interface import Images
from seatrial.isolation import run_child
from seatrial.machine import usable_cores
from seatrial.parity.comparing import (
    COARSE,
    EXACT_FORMATS,
    ROUNDING,
    Comparison,
    compare,
)
from seatrial.parity.material import Material, lay_out

Emit = Callable[[dict[str, object]], None]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

_SECONDS, _SECONDS_AN_IMAGE = 600.0, 1.0


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
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=output) as scratch:
        work = Path(scratch)
        embedded = export_record.embedded_preprocessing
        material = lay_out(dataset, test_indices, reference_logits, embedded=embedded, folder=work)

        at_once = min(max(1, usable_cores() // threads), max(1, len(artifacts)))
        formats = []
        with ThreadPoolExecutor(at_once) as pool:
            for result in pool.map(
                lambda one: _verify(one, export_dir, material, bound, threads, work), artifacts
            ):
                formats.append(result)
                _tell(result, emit)
    return VerificationRecord(formats=tuple(formats), seconds=time.perf_counter() - started)


def _tell(result: FormatVerification, emit: Emit) -> None:
    emit(
        {
            "event": "verify",
            "format": result.format,
            "passed": result.passed,
            "flips": len(result.flips),
            "seconds": round(result.seconds, 3),
        }
    )


def _verify(
    artifact: Artifact, export_dir: Path, test: Material, bound: float, threads: int, work: Path
) -> FormatVerification:
    started = time.perf_counter()
    if artifact.path is None or artifact.sha256 is None:
        return _unverified(artifact, f"not exported: {artifact.reason}", test, bound, 0.0)
    folder = work / artifact.format
    folder.mkdir()
    try:
        path = take(artifact.path, artifact.sha256, export_dir, folder)
        copy_unlinked(export_dir / f"{artifact.path}.json", folder / f"{path.name}.json")
        job = {
            "format": artifact.format,
            "path": str(path.resolve()),
            "sha256": artifact.sha256,
            "pixels": str(test.pixels.resolve()),
            "preprocessing": test.preprocessing.model_dump(mode="json"),
            "golden": test.golden,
            "threads": threads,
        }
        answer = run_child(
            "seatrial.parity.child",
            job,
            folder,
            threads=threads,
            timeout_s=_SECONDS + _SECONDS_AN_IMAGE * len(test.labels),
        )
        logits: Floats = np.load(folder / "logits.npy", allow_pickle=False)
        if logits.shape != test.reference.shape:
            raise InputError(f"logits {test.reference.shape} required, {logits.shape} found")
    except SeatrialError as error:
        reason = str(error).replace(f"{folder.resolve()}/", "")
        return _unverified(artifact, reason, test, bound, time.perf_counter() - started)
    found = compare(test.reference, logits, test.labels, test.ids, test.classes)
    return _judged(artifact, answer, found, bound, time.perf_counter() - started)


def _judged(
    artifact: Artifact,
    answer: Mapping[str, Any],
    found: Comparison,
    bound: float,
    seconds: float,
) -> FormatVerification:
    reasons = failures(
        found,
        exact=artifact.format in EXACT_FORMATS,
        bound=bound,
        batches=answer["batches"],
        golden_n=answer["golden_n"],
        golden_agree=answer["golden_agree"],
        golden_difference=answer["golden_max_difference"],
    )
    return FormatVerification(
        format=artifact.format,
        passed=not reasons,
        reason="; ".join(reasons) or None,
        n=found.n,
        accuracy=found.accuracy,
        reference_accuracy=found.reference_accuracy,
        accuracy_difference=found.accuracy_difference,
        accuracy_bound=bound,
        max_logit_difference=found.max_logit_difference,
        mean_logit_difference=found.mean_logit_difference,
        flips=found.flips,
        flips_beyond_ties=found.beyond_ties,
        mcnemar_p=found.mcnemar_p,
        ece=found.ece,
        batch_differences=answer["batches"],
        golden_n=answer["golden_n"],
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


def _unverified(
    artifact: Artifact, reason: str, test: Material, bound: float, seconds: float
) -> FormatVerification:
    return FormatVerification(
        format=artifact.format,
        passed=False,
        reason=reason,
        n=len(test.labels),
        accuracy=None,
        reference_accuracy=test.reference_accuracy,
        accuracy_difference=None,
        accuracy_bound=bound,
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
