"""The configuration, typed and frozen. Unknown keys are refused; ``load`` reports every problem."""

from __future__ import annotations

from pydantic import Field

from seatrial.config.schema.augmentation import (
    ColorJitter,
    DataAugmentation,
    Flip,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Transform,
    TransformParameters,
)
from seatrial.config.schema.data import Card, Data, Fractions
from seatrial.config.schema.fields import Section
from seatrial.config.schema.model import (
    Loss,
    Model,
    Optimizer,
    Scheduler,
    canonical_architecture,
    is_own,
)
from seatrial.config.schema.release import (
    Approvals,
    Benchmark,
    Documents,
    Export,
    Quantization,
    Role,
    Targets,
    Waiver,
)
from seatrial.config.schema.training import (
    Checkpointing,
    EarlyStopping,
    Reproducibility,
    TestSet,
    Training,
    Validation,
)

__all__ = [
    "Approvals",
    "Benchmark",
    "Card",
    "Checkpointing",
    "ColorJitter",
    "Config",
    "Data",
    "DataAugmentation",
    "Documents",
    "EarlyStopping",
    "Export",
    "Flip",
    "Fractions",
    "Loss",
    "Model",
    "Optimizer",
    "Quantization",
    "RandomCrop",
    "RandomErasing",
    "RandomResizedCrop",
    "Reproducibility",
    "Role",
    "Rotation",
    "Scheduler",
    "Section",
    "Targets",
    "TestSet",
    "Training",
    "Transform",
    "TransformParameters",
    "Validation",
    "Waiver",
    "canonical_architecture",
    "is_own",
]


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
