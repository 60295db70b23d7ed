"""What a run ran on: the machine, Python, every installed distribution, and this very code."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import distributions
from importlib.resources import files
from pathlib import Path

import seatrial
from seatrial.evidence.records import Environment
from seatrial.files import digest_of, sha256_file
from seatrial.machine import processor_name, usable_cores
from seatrial.resources import shipped

_COMPUTING = (
    "torch", "torchvision", "timm", "numpy", "pillow", "onnx", "onnxruntime", "onnxscript",
    "onnxconverter-common", "scikit-learn", "scipy",
)  # fmt: skip
"""Distributions whose version may change a result."""


def gpu_name() -> str | None:
    """The first CUDA device's name; None without one. Asks torch only where it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return str(torch.cuda.get_device_name(0))


@cache
def code_digest() -> str:
    """Digest over every file of the installed package and what it ships: the code's version."""
    package = Path(str(files("seatrial")))
    roots = {"package": package, **{kind: shipped(kind) for kind in ("templates", "checklists")}}
    return digest_of(
        {
            f"{name}/{path.relative_to(root).as_posix()}": sha256_file(path)
            for name, root in roots.items()
            for path in sorted(root.rglob("*"))
            if path.is_file()
            and "__pycache__" not in path.parts
            and "shipped" not in path.relative_to(root).parts
        }
    )


def project_code_digest(project: Path) -> str:
    """Digest over every Python file of the project: a model of one's own may import any of them.

    Hidden folders, environments and runs are passed over.
    """
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(project):
        here = Path(folder)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and not (here / name / "pyvenv.cfg").exists()
            and here / name != project / "runs"
        ]
        for name in names:
            if name.endswith(".py"):
                found[(here / name).relative_to(project).as_posix()] = sha256_file(here / name)
    return digest_of(found)


def packages() -> dict[str, str]:
    """Every installed distribution and its version, sorted by name."""
    return dict(_installed())


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    # Once a process, which goes on with what it has loaded; a look takes a quarter of a second.
    described = [found.metadata for found in distributions()]
    versions = {about["Name"]: about["Version"] for about in described if about["Name"]}
    return tuple(sorted(versions.items(), key=lambda item: item[0].lower()))


def computing_digest() -> str:
    """Digest over Python's version and those of the packages that compute."""
    versions = {n: v for n, v in packages().items() if n.lower() in _COMPUTING}
    return digest_of({"python": platform.python_version(), **versions})


def machine_digest() -> str:
    """Digest over processor, cores and GPU: a measurement of time holds for one machine."""
    return digest_of([processor_name(), usable_cores(), gpu_name()])


def describe() -> Environment:
    """The environment of this process."""
    import psutil

    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        processor=processor_name(),
        cores=usable_cores(),
        memory_mb=psutil.virtual_memory().total // 2**20,
        gpu=gpu_name(),
        packages=packages(),
        seatrial_version=seatrial.__version__,
        code_sha256=code_digest(),
    )
