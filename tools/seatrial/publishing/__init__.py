"""Publishing: a finished run's files at the stable paths that people link to."""

from __future__ import annotations

from seatrial.evidence.published_paths import RESULTS
from seatrial.publishing.contents import (
    DOCUMENTS,
    ENVELOPE,
    RESOLVED,
    VERDICT_DOCUMENTS,
    published_paths,
    released_files,
)
from seatrial.publishing.publish import Publication, publish
from seatrial.publishing.release import (
    RELEASE,
    UNFINISHED,
    Release,
    cut_short,
    published_run,
    read_release,
    turn,
)

__all__ = [
    "DOCUMENTS",
    "ENVELOPE",
    "RELEASE",
    "RESOLVED",
    "RESULTS",
    "UNFINISHED",
    "VERDICT_DOCUMENTS",
    "Publication",
    "Release",
    "cut_short",
    "publish",
    "published_paths",
    "published_run",
    "read_release",
    "released_files",
    "turn",
]
