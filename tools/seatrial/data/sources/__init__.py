"""Where images come from: one file per kind of source, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.data.sources import csv_manifest, digits, folder, npz, torchvision_sets
from seatrial.data.sources.interface import SourceSpec

SOURCES: Mapping[str, SourceSpec] = {
    "folder": SourceSpec("folders of classes", folder.listing, ("root",)),
    "csv": SourceSpec("a CSV manifest", csv_manifest.listing, ("root",)),
    "npz": SourceSpec("a NumPy archive", npz.listing, ("root",)),
    "torchvision": SourceSpec(
        "a torchvision data set on disk", torchvision_sets.listing, ("root", "dataset")
    ),
    "digits": SourceSpec("scikit-learn's digits", digits.listing),
}
