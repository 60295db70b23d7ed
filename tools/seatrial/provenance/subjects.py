"""The files of a release by the paths they are published at, with their digests."""

from __future__ import annotations

from seatrial.evidence.facts import Facts
from seatrial.evidence.published_paths import STEPS, published_path


def released_digests(facts: Facts) -> dict[str, str]:
    """SHA-256 of every published file of the steps up to measurement, by its published path.

    Documents and verdicts are not among them: they name the run that wrote them, and may be
    written again for the same release. The resolved configuration is a byproduct, since it is
    published only where no person has written one.
    """
    found: dict[str, str] = {}
    for step in STEPS:
        for file in facts.steps[step].manifest.files if step in facts.steps else ():
            path = published_path(step, file.path, facts.config)
            if path is not None:
                found[path] = file.sha256
    return dict(sorted(found.items()))
