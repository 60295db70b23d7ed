"""The search for an int8 setting: every setting tried, judged on validation images."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from seatrial.errors import SeatrialError
from seatrial.evidence.records import Preprocessing, QuantizationTrial
from seatrial.export.quantization.calibration import Calibrator, Ranges, write_ranges
from seatrial.export.quantization.choice import choose, in_budget
from seatrial.export.quantization.judging import Judge, trial
from seatrial.export.quantization.quantizing import prepare, quantize
from seatrial.export.quantization.sensitivity import most_sensitive_first
from seatrial.export.quantization.settings import SETTINGS, Calibration, Setting
from seatrial.files import sha256_file
from seatrial.preprocessing import Pixels

NEAR_DROP = 0.10
"""Accuracy beyond the budget up to which the most sensitive nodes are tried in float."""

_BLOCKS_IN_FLOAT = (1, 2, 4)


@dataclass
class Search:
    """One search over :data:`SETTINGS`, in a folder of its own.

    :param model: the fp32 graph.
    :param calibration: ``(N, H, W, C)`` uint8 training images.
    :param max_drop: largest loss of validation accuracy, as a fraction.
    :param seconds: after these, settings not yet tried are left out, and said to be.
    """

    model: Path
    calibration: Pixels
    judge: Judge
    spec: Preprocessing
    max_drop: float
    seconds: float
    folder: Path
    trials: list[QuantizationTrial] = field(default_factory=list)
    _files: list[Path | None] = field(default_factory=list)
    _measured: dict[str, QuantizationTrial] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> int | None:
        """Try every setting; return the position in :attr:`trials` of the one chosen."""
        prepare(self.model, self._prepared)
        for setting in SETTINGS:
            self._keep(setting, self._reason_to_skip(setting))
        if choose(self.trials, self.max_drop) is None:
            self._try_nodes_in_float()
        chosen = choose(self.trials, self.max_drop)
        if chosen is not None:
            self.trials[chosen] = self.trials[chosen].model_copy(update={"chosen": True})
        return chosen

    def file_of(self, position: int) -> Path:
        """The quantized graph of a trial within the budget."""
        found = self._files[position]
        if found is None:
            raise ValueError(f"trial {position} has no file")
        return found

    @property
    def _prepared(self) -> Path:
        return self.folder / "prepared.onnx"

    @cached_property
    def _minmax(self) -> Ranges:
        return self._calibrator.minmax()

    @cached_property
    def _calibrator(self) -> Calibrator:
        return Calibrator(self._prepared, self.calibration, self.spec, self.judge.threads)

    def _ranges(self, kind: Calibration) -> Path:
        path = self.folder / f"{kind}.json"
        if not path.exists():
            percentile = kind == "percentile"
            write_ranges(
                self._calibrator.percentile(self._minmax) if percentile else self._minmax, path
            )
        return path

    def _reason_to_skip(self, setting: Setting) -> str | None:
        if time.monotonic() - self._began > self.seconds:
            return f"the search had used its {self.seconds:.0f} s"
        if setting.calibration == "percentile":
            twin = self._of(setting)
            if twin is not None and twin.flips == 0:
                return (
                    "min-max decides as fp32 on every image, and percentiles change"
                    " neither speed nor size"
                )
        return None

    def _of(self, setting: Setting) -> QuantizationTrial | None:
        """The min-max trial that differs from ``setting`` in the calibration alone."""
        wanted = (setting.activation, setting.per_channel, setting.operators)
        return next(
            (
                one
                for one in self.trials
                if (one.activation, one.per_channel, one.operators) == wanted
                and one.calibration == "minmax"
                and not one.nodes_in_float
            ),
            None,
        )

    def _keep(self, setting: Setting, skipped: str | None) -> QuantizationTrial:
        path = self.folder / f"trial_{len(self.trials)}.onnx"
        result = trial(setting, skipped=skipped) if skipped else self._try(setting, path)
        usable = in_budget(result, self.max_drop)
        if not usable:
            path.unlink(missing_ok=True)
        self.trials.append(result)
        self._files.append(path if usable else None)
        return result

    def _try(self, setting: Setting, path: Path) -> QuantizationTrial:
        try:
            quantize(self._prepared, self._ranges(setting.calibration), setting, path)
            digest = sha256_file(path)
            if digest not in self._measured:
                self._measured[digest] = self.judge.measure(path, setting, path.stat().st_size)
        except SeatrialError as error:
            return trial(setting, error=str(error))
        except Exception as error:  # the quantizer raises nearly anything on graphs it cannot take
            return trial(setting, error=f"{type(error).__name__}: {error}"[:300])
        return self._measured[digest].model_copy(update=asdict(setting))

    def _try_nodes_in_float(self) -> None:
        measured = [one for one in self.trials if one.val_acc_drop is not None]
        best = min(measured, key=lambda one: (one.val_acc_drop, one.flips), default=None)
        if best is None or (best.val_acc_drop or 0.0) > self.max_drop + NEAR_DROP:
            return
        setting = Setting(best.activation, best.per_channel, best.calibration, best.operators)
        ranges, scratch = self._ranges(best.calibration), self.folder / "probe.onnx"
        ordered = most_sensitive_first(self._prepared, ranges, setting, self.judge, scratch)
        for count in _BLOCKS_IN_FLOAT:
            if count >= len(ordered) or self._reason_to_skip(setting):
                return
            kept = tuple(node for block in ordered[:count] for node in block)
            if in_budget(self._keep(replace(setting, nodes_in_float=kept), None), self.max_drop):
                return
