"""Facts as types: what each step measured, written as ``record.json`` beside its other files.

A record holds what was measured and nothing that can be derived by a template. Paths in a record
are relative to the folder of the step that wrote it. Accuracies and rates are fractions in
[0, 1]; a unit stands in the name where a reader could err.
"""

from __future__ import annotations

from seatrial.evidence.records.base import Estimate, Preprocessing, Record
from seatrial.evidence.records.data import DataCard, DataRecord, Pair, SplitCount, Unreadable
from seatrial.evidence.records.evaluation import (
    CalibrationBin,
    ClassResult,
    Confusion,
    EvaluationRecord,
    Gap,
    Mistake,
)
from seatrial.evidence.records.export import Artifact, ExportRecord, Format, QuantizationTrial
from seatrial.evidence.records.measurement import (
    BenchmarkRecord,
    FormatMeasurement,
    Latency,
    LoadTestRecord,
)
from seatrial.evidence.records.metadata import ModelMetadata
from seatrial.evidence.records.run import (
    Environment,
    FileDigest,
    KnownIssue,
    Lineage,
    Manifest,
    RunRecord,
    RunReference,
)
from seatrial.evidence.records.training import Checkpoint, Diagnosis, Epoch, TrainRecord
from seatrial.evidence.records.verdicts import (
    ApprovalRecord,
    CodeBlock,
    Document,
    DocumentsRecord,
    EvidenceFile,
    GateRecord,
    ItemVerdict,
    KeyHeld,
    Verdict,
    WaiverRecord,
)
from seatrial.evidence.records.verification import Flip, FormatVerification, VerificationRecord

__all__ = [
    "ApprovalRecord",
    "Artifact",
    "BenchmarkRecord",
    "CalibrationBin",
    "Checkpoint",
    "ClassResult",
    "CodeBlock",
    "Confusion",
    "DataCard",
    "DataRecord",
    "Diagnosis",
    "Document",
    "DocumentsRecord",
    "Environment",
    "Epoch",
    "Estimate",
    "EvaluationRecord",
    "EvidenceFile",
    "ExportRecord",
    "FileDigest",
    "Flip",
    "Format",
    "FormatMeasurement",
    "FormatVerification",
    "Gap",
    "GateRecord",
    "ItemVerdict",
    "KeyHeld",
    "KnownIssue",
    "Latency",
    "Lineage",
    "LoadTestRecord",
    "Manifest",
    "Mistake",
    "ModelMetadata",
    "Pair",
    "Preprocessing",
    "QuantizationTrial",
    "Record",
    "RunRecord",
    "RunReference",
    "SplitCount",
    "TrainRecord",
    "Unreadable",
    "Verdict",
    "VerificationRecord",
    "WaiverRecord",
]
