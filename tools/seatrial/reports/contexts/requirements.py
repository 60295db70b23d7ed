"""``requirements.txt``: the packages that the released files were made and measured with."""

from __future__ import annotations

import re

from seatrial.evidence.facts import Facts

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("inference with ONNX Runtime", ("numpy", "onnxruntime", "pillow")),
    ("inference with PyTorch", ("torch",)),
    (
        "training, evaluation and export",
        (
            "gitpython",
            "lightning-fabric",
            "matplotlib",
            "omegaconf",
            "onnx",
            "onnxconverter-common",
            "onnxscript",
            "pydantic",
            "pyyaml",
            "safetensors",
            "scikit-learn",
            "scipy",
            "timm",
            "torchvision",
        ),
    ),
)


def render_requirements(facts: Facts) -> str:
    """Exact versions by use, in pip's form; a package that the run did not have is left out."""
    environment = facts.run.environment
    versions = {_normal(name): version for name, version in environment.packages.items()}
    lines = [
        f"# Exact versions of run {facts.run.id}",
        f"# Python {environment.python}",
        f"# Seatrial {environment.seatrial_version}",
    ]
    for use, names in _GROUPS:
        pinned = [f"{name}=={versions[name]}" for name in names if name in versions]
        if pinned:
            lines += ["", f"# {use}", *pinned]
    return "\n".join(lines) + "\n"


def _normal(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
